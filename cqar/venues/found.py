"""One market as a venue lists it, in our words and still in its codes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from shared.entities.symbol import OptionType, SymbolType
from shared.entities.venue_symbol import MarketStatus


class Code(msgspec.Struct, frozen=True):
    """An asset's code: the venue's own, and ccxt's unified one."""

    venue: str
    unified: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A market.

    Attributes:
        aliases: The venue's further spellings of it.
        unit_multiplier: Base units in one venue unit, where somebody has stated it.
        secondary: Beside another listing of the same symbol that is the primary one.
        raw: The venue's own record, for corrections.
    """

    spelling: str
    aliases: tuple[str, ...] = ()
    symbol_type: SymbolType
    base: Code
    quote: Code
    settle: Code | None = None
    expiry: dt.datetime | None = None
    strike: Decimal | None = None
    option_type: OptionType | None = None
    status: MarketStatus = MarketStatus.ONLINE
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_order_size: Decimal | None = None
    max_order_size: Decimal | None = None
    min_notional: Decimal | None = None
    contract_size: Decimal | None = None
    price_significant_digits: int | None = None
    unit_multiplier: Decimal | None = None
    secondary: bool = False
    raw: dict[str, Any]


class Rejected(msgspec.Struct, frozen=True):
    """A record or spelling that is not imported, and why."""

    spelling: str
    reason: str


class Unreadable(Exception):
    """What was given is not this venue's listing. Says what to do."""
