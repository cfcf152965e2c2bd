"""Coinbase International Exchange (INTX): perpetuals and spot, quoted in USDC.

Quantities of orders are in the base asset. Orders name an instrument by symbol, id or UUID.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Code, Market, UnreadableRecord
from cqar.importer.readers.fields import integer, limit, positive, rate, stated_word, text, word
from cqar.importer.readers.product_line import (
    Form,
    RawRecord,
    Request,
    each_object,
)
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

_S = MarketStatusCode
#: Of spot orders that are routed to Coinbase Exchange the states are that exchange's flags.
_STATES: Final = {
    "TRADING": _S.ONLINE,
    "PAUSED": _S.HALTED,
    "HALT": _S.HALTED,
    "DELISTED": _S.DELISTED,
    "AUCTION_MODE": _S.AUCTION,
    "CANCEL_ONLY": _S.CANCEL_ONLY,
    "CANCEL_ONLY_ENFORCED_BY_COINBASE_INTERNATIONAL_EXCHANGE": _S.CANCEL_ONLY,
    "POST_ONLY": _S.POST_ONLY,
    "LIMIT_ONLY": _S.ONLINE,
    "TRADING_DISABLED": _S.HALTED,
    "COINBASE_EXCHANGE_UNREACHABLE": _S.HALTED,
}
#: A perpetual before the launch of its coin trades under narrower limits.
_MODES: Final = {"STANDARD": _S.ONLINE, "PRE_LAUNCH": _S.PRE_MARKET}
_TYPES: Final = {"PERP": SymbolTypeCode.PERPETUAL, "SPOT": SymbolTypeCode.SPOT}
_NANOSECONDS: Final = 1_000_000_000


class InternationalInstrument(RawRecord, frozen=True):
    """An instrument."""

    symbol: str
    type: str
    base_asset_name: str
    quote_asset_name: str
    mode: str | None = None
    instrument_id: str | None = None
    instrument_uuid: str | None = None
    base_increment: str | None = None
    quote_increment: str | None = None
    min_quantity: str | None = None
    min_notional_value: str | None = None
    base_imf: str | None = None
    funding_interval: str | None = None
    trading_state: str | msgspec.UnsetType | None = msgspec.UNSET
    base_asset_multiplier: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("base_asset_id", "base_asset_uuid", "quote_asset_id", "quote_asset_uuid"),
            *("price_band_percent", "market_order_percent", "qty_24hr", "notional_24hr"),
            *("avg_daily_qty", "avg_daily_notional", "avg_30day_qty", "avg_30day_notional"),
            *("previous_day_qty", "open_interest", "position_limit_qty", "default_imf", "quote"),
            *("position_limit_adq_pct", "position_notional_limit", "replacement_cost"),
            *("open_interest_notional_limit", "underlying_type", "rfq_maker_fee_rate"),
            "execution_exchange",
        }
    )


def read_instrument(record: InternationalInstrument) -> Market:
    """An instrument."""
    symbol_type = word(record.type, "type", _TYPES)
    is_perpetual = symbol_type is SymbolTypeCode.PERPETUAL
    base = Code(text(record.base_asset_name, "base_asset_name"))
    quote = Code(text(record.quote_asset_name, "quote_asset_name"))
    multiplier = _multiplier(record.base_asset_multiplier)
    ids = (record.instrument_id, record.instrument_uuid)
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=symbol_type,
        base=base,
        quote=quote,
        settlement=quote if is_perpetual else None,
        contract_kind=ContractKindCode.LINEAR if is_perpetual else None,
        status=_status(record),
        order_types=("LIMIT",) if record.trading_state == "LIMIT_ONLY" else None,
        aliases=tuple(Alias(name, SpellingChannelCode.ID) for name in ids if name),
        order_unit=OrderUnitCode.BASE,
        unit_multiplier=multiplier,
        multiple_of=base if multiplier is not None else None,
        tick_size=positive(record.quote_increment, "quote_increment"),
        lot_size=positive(record.base_increment, "base_increment"),
        min_order_size=limit(record.min_quantity, "min_quantity"),
        min_notional=limit(record.min_notional_value, "min_notional_value"),
        initial_margin_rate=rate(record.base_imf, "base_imf") if is_perpetual else None,
        funding_interval_s=_interval_s(record.funding_interval) if is_perpetual else None,
    )


def _status(record: InternationalInstrument) -> MarketStatusCode | None:
    state = stated_word(record.trading_state, "trading_state", _STATES)
    mode = word(record.mode or "STANDARD", "mode", _MODES)
    return mode if state is _S.ONLINE else state


def _multiplier(value: str | None) -> Decimal | None:
    """Units of the coin in one unit of the base; 1 is no multiple."""
    found = positive(value, "base_asset_multiplier")
    return None if found == 1 else found


def _interval_s(nanoseconds: str | None) -> int | None:
    count = integer(nanoseconds, "funding_interval")
    if not count:
        return None
    seconds, rest = divmod(count, _NANOSECONDS)
    if rest or seconds <= 0:
        raise UnreadableRecord(f"funding_interval is {nanoseconds}: no whole seconds")
    return seconds


FORM: Final = Form(
    lists=(Request("api.international.coinbase.com/api/v1/instruments"),),
    record=InternationalInstrument,
    rows=each_object(),
    read=read_instrument,
)
