"""A symbol's name at another source: btc-usd at a data vendor."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, Final

from cqc.markets.v1 import identifier_pb2

from cqar_shared.domain.identifier_rules import checker, completer, finder
from cqar_shared.domain.kind import Entity, Kind, by, checked_as_it_is, lifecycle


class SymbolDataSource(enum.IntEnum):
    """Numbered as `cqc.markets.v1.DataSource`."""

    COINGECKO = 1
    COINMARKETCAP = 2
    DEFILLAMA = 3
    MESSARI = 4
    GLASSNODE = 5
    FIGI = 6
    DTI = 7
    ISIN = 8
    CAIP19 = 9
    CFI = 10
    MIC = 11


class SymbolIdentifier(Entity, frozen=True, kw_only=True):
    """One source's name of a symbol, exactly as the source writes it."""

    identifier_id: str = ""
    symbol_id: str = ""
    data_source: SymbolDataSource | None = None
    external_id: str = ""
    is_primary: bool = False
    created_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None


_check: Final = checker("symbol_identifier", "symbol_id", "data_source")

SYMBOL_IDENTIFIER = Kind(
    name="symbol_identifier",
    entity=SymbolIdentifier,
    message=identifier_pb2.SymbolIdentifier,
    key=("identifier_id",),
    table="symbol_identifiers",
    check=_check,
    check_relinked=checked_as_it_is(_check),
    complete=completer("data_source"),
    existing=finder("symbol_identifier", "symbol_id", "data_source"),
    referents={"symbol_id": "symbol"},
    lookups={
        "external_id": by("data_source", "external_id"),
        "source": by("symbol_id", "data_source"),
        "symbol": by("symbol_id"),
    },
    event=lifecycle(
        "symbol_identifier_created", "symbol_identifier_updated", "symbol_identifier_removed"
    ),
)
