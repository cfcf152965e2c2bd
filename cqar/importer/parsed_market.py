"""One market as a venue lists it, in our words and still in its codes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode


class AssetCode(msgspec.Struct, frozen=True):
    """An asset's code: the venue's own, and ccxt's unified one."""

    venue: str
    unified: str


class ParsedMarket(msgspec.Struct, frozen=True, kw_only=True):
    """A market.

    Attributes:
        aliases: The venue's further spellings of it.
        unit_multiplier: Base units in one venue unit, where somebody has stated it.
        multiple_of: The ticker of the coin that the base is a multiple of, where somebody has
            stated it.
        underlying_class: What the record says that the base is, where that is no coin: `EQUITY`.
        secondary: Beside another listing of the same symbol that is the primary one.
        untraced: Terms that ccxt states and no field of the record does, with ccxt's value.
            The terms themselves are None.
        is_status_stated: Whether ccxt reads a status, and a field of the record may speak of it.
        is_reviewed: Whether ccxt's reading of such markets was compared with the venue's records.
        raw: The venue's own record, for corrections.
    """

    spelling: str
    aliases: tuple[str, ...] = ()
    symbol_type: SymbolTypeCode
    base: AssetCode
    quote: AssetCode
    settle: AssetCode | None = None
    expiry: dt.datetime | None = None
    strike: Decimal | None = None
    option_type: OptionTypeCode | None = None
    status: MarketStatusCode = MarketStatusCode.ONLINE
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_order_size: Decimal | None = None
    max_order_size: Decimal | None = None
    min_notional: Decimal | None = None
    contract_size: Decimal | None = None
    price_significant_digits: int | None = None
    unit_multiplier: Decimal | None = None
    multiple_of: str | None = None
    underlying_class: str | None = None
    secondary: bool = False
    untraced: dict[str, Decimal | int] = {}
    is_status_stated: bool = True
    is_reviewed: bool = True
    raw: dict[str, Any]


class RejectedRecord(msgspec.Struct, frozen=True):
    """A record or spelling that is not imported, and why."""

    spelling: str
    reason: str


class UnreadableListing(Exception):
    """What was given is not this venue's listing. Says what to do."""
