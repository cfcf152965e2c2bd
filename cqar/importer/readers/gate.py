"""Gate: spot. Beside it: `gate_contracts` (futures, delivery contracts), `gate_options`.

Amounts of spot orders are in the base currency (the amount of a market buy is in the quote).
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers import gate_contracts, gate_currencies, gate_options
from cqar.importer.readers.fields import (
    limit,
    percent,
    places,
    seconds,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode

#: `buyable` (only buys) is documented, too; no status here says that.
_STATUS: Final = {
    "tradable": _S.ONLINE,
    "untradable": _S.HALTED,
    "sellable": _S.SELL_ONLY,
}
_OPEN_STATUS: Final = {"normal": _S.ONLINE, "premarket": _S.PRE_MARKET}


class GatePair(RawRecord, frozen=True):
    id: str
    base: str
    quote: str
    trade_status: str
    base_name: str | None = None
    quote_name: str | None = None
    fee: str | None = None
    min_base_amount: str | None = None
    min_quote_amount: str | None = None
    max_base_amount: str | None = None
    max_quote_amount: str | None = None
    market_order_max_stock: str | None = None
    market_order_max_money: str | None = None
    amount_precision: str | None = None
    precision: str | None = None
    sell_start: str | None = None
    buy_start: str | None = None
    delisting_time: str | None = None
    type: str | UnsetType = UNSET

    # What the largest rise and fall of a quoted price are relative to is not documented.
    UNUSED: ClassVar = frozenset({"trade_url", "st_tag", "up_rate", "down_rate", "slippage"})


def read_pair(record: GatePair) -> Market:
    """A currency pair. `fee` is in percent; null amounts mean no limit."""
    status = _status(record)
    listed_at, trading_starts_at = _starts(record, status)
    fee = percent(record.fee, "fee")
    least = limit(record.min_quote_amount, "min_quote_amount")
    most = limit(record.max_quote_amount, "max_quote_amount")
    market_most = limit(record.market_order_max_money, "market_order_max_money")
    return Market(
        spelling=text(record.id, "id"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base, "base"), name=record.base_name or None),
        quote=Code(text(record.quote, "quote"), name=record.quote_name or None),
        status=status,
        listed_at=listed_at,
        trading_starts_at=trading_starts_at,
        ends_at=unless_placeholder(seconds(record.delisting_time, "delisting_time")),
        order_unit=OrderUnitCode.BASE,
        tick_size=places(record.precision, "precision"),
        lot_size=places(record.amount_precision, "amount_precision"),
        min_order_size=limit(record.min_base_amount, "min_base_amount"),
        max_order_size=limit(record.max_base_amount, "max_base_amount"),
        market_max_size=limit(record.market_order_max_stock, "market_order_max_stock"),
        min_notional=least,
        market_min_notional=least,
        max_notional=most,
        market_max_notional=market_most or most,
        maker_fee=fee,
        taker_fee=fee,
    )


def _status(record: GatePair) -> MarketStatusCode:
    if record.trade_status == "buyable":
        raise UnreadableRecord("trade_status is 'buyable': no status says that only buys are open")
    status = word(record.trade_status, "trade_status", _STATUS)
    open_status = word(record.type or "normal", "type", _OPEN_STATUS)
    return open_status if status is _S.ONLINE else status


def _starts(
    record: GatePair, status: MarketStatusCode
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When the pair was listed, and when its second side opens, if that is another time.

    Of a pair that is open for sells and states no `sell_start`, `buy_start` is yet to come: it
    says nothing about the listing.
    """
    sell = unless_placeholder(seconds(record.sell_start, "sell_start"))
    buy = unless_placeholder(seconds(record.buy_start, "buy_start"))
    if status is _S.SELL_ONLY and sell is None:
        return None, buy
    stated = [start for start in (sell, buy) if start is not None]
    if not stated:
        return None, None
    first, last = min(stated), max(stated)
    return first, last if last != first else None


_SPOT: Final = ProductLine(
    venue_id="gate",
    name="Gate Spot",
    operator="gate",
    forms=(
        Form(
            lists=(Request("api.gateio.ws/api/v4/spot/currency_pairs"),),
            record=GatePair,
            rows=each_object(name="id"),
            read=read_pair,
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.SPOT}),
    currencies=(gate_currencies.CURRENCIES,),
    prices=(
        tickers(
            "api.gateio.ws/api/v4/spot/tickers",
            fields=TickerFields(spelling="currency_pair", traded="base_volume"),
        ),
    ),
    ccxt_id="gate",
    documentation=("https://www.gate.com/docs/developers/apiv4/en/#list-all-currency-pairs",),
)

PRODUCT_LINES: Final = (_SPOT, *gate_contracts.PRODUCT_LINES, gate_options.LINE)
