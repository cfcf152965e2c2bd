"""An asset: one economic thing, with one UUID for ever.

Unrelated coins may share a ticker, and a bridged coin is another asset than the one that it
bridges. Only the id tells them apart.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from typing import Any

from cqc.assets.v1 import asset_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, lifecycle
from cqar_shared.errors import FieldViolation


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


class Asset(Entity, frozen=True, kw_only=True):
    """An asset.

    Attributes:
        symbol: Ticker, for people; not unique.
        unverified: The asset was found in a venue's listing and not yet identified by a person.
            Only such an asset may have no type.
        asset_class: None if not known.
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


ASSET = Kind(
    name="asset",
    entity=Asset,
    message=asset_pb2.Asset,
    key=("asset_id",),
    table="assets",
    check=check_asset,
    lookups={"symbol": by("symbol")},
    event=lifecycle("asset_created", "asset_updated", "asset_deleted"),
)
