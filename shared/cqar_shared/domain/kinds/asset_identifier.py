"""An asset's name at another source: bitcoin at CoinGecko, 1 at CoinMarketCap."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, Final

from cqc.assets.v1 import identifier_pb2

from cqar_shared.domain.identifier_rules import checker, completer, finder
from cqar_shared.domain.kind import Entity, Kind, by, checked_as_it_is, lifecycle


class AssetDataSource(enum.IntEnum):
    """Numbered as `cqc.assets.v1.DataSource`."""

    COINGECKO = 1
    COINMARKETCAP = 2
    DEFILLAMA = 3
    MESSARI = 4
    INTERNAL = 5
    FIGI = 6
    DTI = 7
    ISIN = 8
    CAIP19 = 9
    CFI = 10
    MIC = 11


class AssetIdentifier(Entity, frozen=True, kw_only=True):
    """One source's name of an asset, exactly as the source writes it."""

    identifier_id: str = ""
    asset_id: str = ""
    source: AssetDataSource | None = None
    external_id: str = ""
    is_primary: bool = False
    created_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None


_check: Final = checker("asset_identifier", "asset_id", "source")

ASSET_IDENTIFIER = Kind(
    name="asset_identifier",
    entity=AssetIdentifier,
    message=identifier_pb2.AssetIdentifier,
    key=("identifier_id",),
    table="asset_identifiers",
    check=_check,
    check_relinked=checked_as_it_is(_check),
    complete=completer("source"),
    existing=finder("asset_identifier", "asset_id", "source"),
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
