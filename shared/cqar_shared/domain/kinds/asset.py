"""An asset: one economic thing, with one UUID for ever.

Unrelated coins may share a ticker, and a bridged coin is another asset than the one that it
bridges. Only the id tells them apart.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from cqc.assets.v1 import asset_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, checked_as_it_is, lifecycle
from cqar_shared.errors import FieldViolation

FORMER_NAMES_MAX: Final = 16
#: In an asset's metadata: code -> units of the asset in one unit of the code, at every venue.
MULTIPLES: Final = "multiples"


class AssetType(enum.IntEnum):
    NATIVE = 1
    ERC20 = 2
    SPL = 3
    ERC721 = 4
    ERC1155 = 5
    SYNTHETIC = 6
    LP_TOKEN = 7
    RECEIPT_TOKEN = 8
    WRAPPED = 9


class AssetClassCode(enum.IntEnum):
    CRYPTO = 1
    FIAT = 2
    EQUITY = 3
    FUND = 4
    COMMODITY = 5
    INDEX = 6
    RATE = 7
    EVENT = 8


class FormerName(msgspec.Struct, frozen=True, kw_only=True):
    """What an asset was called until an instant; None: not known."""

    symbol: str | None = None
    name: str | None = None
    until: dt.datetime | None = None


class Asset(Entity, frozen=True, kw_only=True):
    """An asset.

    Attributes:
        symbol: Ticker, for people; not unique.
        unverified: The asset was found in a venue's listing and not yet identified by a person.
            Only such an asset may have no type.
        asset_class: None if not known.
        former_names: What it was called before; None: nothing else that is known.
        unambiguous_ticker: Whether venues trade nothing else of its class under its ticker.
        merged_into: The asset that answers for its id now.
    """

    asset_id: str = ""
    symbol: str = ""
    name: str = ""
    asset_type: AssetType | None = None
    category: str | None = None
    description: str | None = None
    logo_url: str | None = None
    website_url: str | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    unverified: bool = False
    asset_class: AssetClassCode | None = None
    former_names: tuple[FormerName, ...] | None = None
    unambiguous_ticker: bool = False
    merged_into: str | None = None


def complete(before: Asset | None, given: Asset, _: RegistryView) -> Asset:
    if before is not None:
        # Merging moves every reference, so an upsert does not do it, nor take it back.
        given = msgspec.structs.replace(given, merged_into=before.merged_into)
    asset: Asset = rules.without_empty(given, "former_names")
    return asset


def check_asset(before: Asset | None, after: Asset, _: RegistryView) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("asset_id", after.asset_id)
    yield from rules.check_printable("symbol", after.symbol)
    yield from rules.check_required(after, "name")
    if after.asset_type is None and not after.unverified:
        yield FieldViolation("asset_type", "REQUIRED", "is required of an asset that is verified")
    yield from rules.check_lines(after, "name")
    yield from rules.check_length(
        after, name=rules.NAME_CHARS_MAX, category=64, description=rules.TEXT_CHARS_MAX
    )
    yield from rules.check_url(after, "logo_url", "website_url")
    if before is not None and after.unverified and not before.unverified:
        yield FieldViolation("unverified", "VERIFIED", "an asset that was verified stays so")
    yield from _check_former_names(after)


def _check_former_names(after: Asset) -> Iterator[FieldViolation]:
    names = after.former_names or ()
    if len(names) > FORMER_NAMES_MAX:
        yield FieldViolation("former_names", "TOO_MANY", f"at most {FORMER_NAMES_MAX}")
        return
    for place, former in enumerate(names):
        prefix = f"former_names[{place}]"
        if former.symbol is None and former.name is None:
            yield FieldViolation(prefix, "REQUIRED", "needs a symbol or a name")
        for field in ("symbol", "name"):
            if (value := getattr(former, field)) is not None:
                yield from rules.check_printable(f"{prefix}.{field}", value)
                if len(value) > rules.NAME_CHARS_MAX:
                    message = f"has {len(value)} characters; at most {rules.NAME_CHARS_MAX}"
                    yield FieldViolation(f"{prefix}.{field}", "TOO_LONG", message)


def check_removal(asset: Asset, _: RegistryView) -> Iterator[FieldViolation]:
    if asset.merged_into is not None:
        message = f"its id stands for {asset.merged_into}: unmerge it first"
        yield FieldViolation("asset_id", "MERGED", message)


def event_of(before: Asset | None, after: Asset | None) -> str:
    was = None if before is None else before.merged_into
    becomes = None if after is None else after.merged_into
    if before is None or after is None or was == becomes:
        return _lifecycle(before, after) or ""
    return "asset_unmerged" if becomes is None else "asset_merged"


_lifecycle: Final = lifecycle("asset_created", "asset_updated", "asset_deleted")

ASSET = Kind(
    name="asset",
    entity=Asset,
    message=asset_pb2.Asset,
    key=("asset_id",),
    table="assets",
    check=check_asset,
    check_relinked=checked_as_it_is(check_asset),
    check_removal=check_removal,
    complete=complete,
    referents={"merged_into": "asset"},
    lookups={"symbol": by("symbol"), "merged_into": by("merged_into")},
    event=event_of,
)
