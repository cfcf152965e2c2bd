"""What an asset is called elsewhere: bitcoin at CoinGecko, 1 at CoinMarketCap."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from cqc.assets.v1 import identifier_pb2

from shared import rules
from shared.errors import Violation
from shared.kind import Entity, Kind, Seen, by, lifecycle
from shared.schema import Id, Instant, Json, metadata


class AssetDataSource(enum.IntEnum):
    """Numbered as `cqc.assets.v1.DataSource`."""

    COINGECKO = 1
    COINMARKETCAP = 2
    DEFILLAMA = 3
    MESSARI = 4
    INTERNAL = 5


class AssetIdentifier(Entity, frozen=True, kw_only=True):
    """One source's name for an asset; exact, as the source writes it."""

    identifier_id: str = ""
    asset_id: str = ""
    source: AssetDataSource | None = None
    external_id: str = ""
    is_primary: bool = False
    created_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None


asset_identifiers = sa.Table(
    "asset_identifiers",
    metadata,
    sa.Column("identifier_id", Id, primary_key=True),
    sa.Column("asset_id", Id, sa.ForeignKey("assets.asset_id"), nullable=False),
    sa.Column("source", sa.SmallInteger, nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("is_primary", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.UniqueConstraint("source", "external_id"),
)


def same_external_id(given: AssetIdentifier, seen: Seen) -> AssetIdentifier | None:
    """The identifier with this source's id, whosever it is."""
    found = seen.find("asset_identifier", "external_id", given.source, given.external_id)
    return next(iter(found), None)


def check_identifier(
    before: AssetIdentifier | None, after: AssetIdentifier, seen: Seen
) -> Iterator[Violation]:
    yield from rules.check_uuid("identifier_id", after.identifier_id)
    yield from rules.check_required(after, "asset_id", "source")
    yield from rules.check_printable("external_id", after.external_id)
    yield from rules.check_immutable(
        before, after, "remove it and create another", "asset_id", "source", "external_id"
    )
    twin = same_external_id(after, seen)
    if twin is not None and twin.identifier_id != after.identifier_id:
        yield Violation("external_id", "DUPLICATE", f"is asset {twin.asset_id}'s already")
    if after.is_primary:
        for other in seen.find("asset_identifier", "source", after.asset_id, after.source):
            if other.is_primary and other.identifier_id != after.identifier_id:
                message = f"{other.external_id!r} is the primary one of this source"
                yield Violation("is_primary", "PRIMARY_TAKEN", message)


ASSET_IDENTIFIER = Kind(
    name="asset_identifier",
    entity=AssetIdentifier,
    message=identifier_pb2.AssetIdentifier,
    key=("identifier_id",),
    table=asset_identifiers,
    check=check_identifier,
    existing=same_external_id,
    referents={"asset_id": "asset"},
    lookups={
        "external_id": by("source", "external_id"),
        "source": by("asset_id", "source"),
        "asset": by("asset_id"),
    },
    event=lifecycle(
        "asset_identifier_created", "asset_identifier_updated", "asset_identifier_removed"
    ),
)
