"""Bitget: futures margined in USDT, in the coin and in USDC, and what all its lines share.

Quantities of orders are in the base coin on every line, also of inverse contracts: "minimum
opening amount (base currency)". The tick is priceEndStep times
10^-pricePlace.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, Scheduled, UnreadableRecord
from cqar.importer.readers.fields import (
    deviation,
    limit,
    milliseconds,
    places,
    positive,
    rate,
    required_instant,
    text,
    unless_placeholder,
    whole_seconds,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
_HOUR_S: Final = 3_600

#: `limit_open`: "can't place orders (can close position)"; `restrictedAPI`: none with the API.
_STATUS: Final = {
    "listed": _S.PREOPEN,
    "normal": _S.ONLINE,
    "maintain": _S.HALTED,
    "limit_open": _S.REDUCE_ONLY,
    "restrictedAPI": _S.HALTED,
    "off": _S.DELISTED,
}
_TYPES: Final = {"perpetual": SymbolTypeCode.PERPETUAL, "delivery": SymbolTypeCode.FUTURE}


class BitgetContract(RawRecord, frozen=True, rename="camel"):
    """A contract of version 2, or of version 1, which had fewer fields."""

    symbol: str
    base_coin: str
    quote_coin: str
    support_margin_coins: tuple[str, ...]
    symbol_type: str | UnsetType = UNSET
    symbol_status: str | UnsetType = UNSET
    price_place: str | None = None
    price_end_step: str | None = None
    volume_place: str | None = None
    size_multiplier: str | None = None
    min_trade_num: str | None = None
    min_trade_usdt: str | None = msgspec.field(default=None, name="minTradeUSDT")
    max_order_qty: str | None = None
    max_market_order_qty: str | None = None
    buy_limit_price_ratio: str | None = None
    sell_limit_price_ratio: str | None = None
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    max_lever: str | None = None
    fund_interval: str | None = None
    launch_time: str | None = None
    off_time: str | None = None
    limit_open_time: str | None = None
    delivery_time: str | None = None

    # isRwa does not say which kind of real asset it is.
    UNUSED: ClassVar = frozenset(
        {
            *("feeRateUpRatio", "openCostUpRatio", "maxSymbolOrderNum", "maxProductOrderNum"),
            *("maxPositionNum", "minLever", "posLimit", "maintainTime", "isRwa", "openTime"),
            *("deliveryStartTime", "deliveryPeriod", "symbolName"),
        }
    )


def read_contract(record: BitgetContract, margin: str | None, is_former: bool) -> Market:
    """A contract.

    Args:
        margin: The quote that settles all contracts of the line; None: their base does.
        is_former: Whether it is of version 1, whose product types are perpetual: BTCUSDT_UMCBL.
    """
    base = text(record.base_coin, "baseCoin")
    quote = text(record.quote_coin, "quoteCoin")
    settlement = margin or base
    if settlement not in record.support_margin_coins or (margin and quote != margin):
        raise UnreadableRecord(f"it is not settled in {settlement}: a contract of another line")
    least = limit(record.min_trade_usdt, "minTradeUSDT") if quote == "USDT" else None
    type_ = _type(record, is_former)
    is_dated = type_ is SymbolTypeCode.FUTURE
    delivery = date_or_none(record.delivery_time, "deliveryTime")
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=type_,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        contract_kind=ContractKindCode.LINEAR if margin else ContractKindCode.INVERSE,
        expiry=required_instant(delivery, "deliveryTime") if is_dated else None,
        listed_at=date_or_none(record.launch_time, "launchTime"),
        order_unit=OrderUnitCode.BASE,
        tick_size=_tick(record),
        lot_size=positive(record.size_multiplier, "sizeMultiplier")
        or places(record.volume_place, "volumePlace"),
        min_order_size=limit(record.min_trade_num, "minTradeNum"),
        max_order_size=limit(record.max_order_qty, "maxOrderQty"),
        market_max_size=limit(record.max_market_order_qty, "maxMarketOrderQty"),
        min_notional=least,
        market_min_notional=least,
        maker_fee=rate(record.maker_fee_rate, "makerFeeRate"),
        taker_fee=rate(record.taker_fee_rate, "takerFeeRate"),
        max_leverage=limit(record.max_lever, "maxLever"),
        funding_interval_s=whole_seconds(record.fund_interval, "fundInterval", _HOUR_S),
        **utmost_prices(record.buy_limit_price_ratio, record.sell_limit_price_ratio),
        **_life(record),
    )


def _type(record: BitgetContract, is_former: bool) -> SymbolTypeCode:
    if record.symbol_type is not UNSET:
        return word(record.symbol_type, "symbolType", _TYPES)
    if is_former and record.symbol.count("_") == 1:
        return SymbolTypeCode.PERPETUAL
    raise UnreadableRecord("symbolType is not stated")


def _tick(record: BitgetContract) -> Decimal | None:
    unit = places(record.price_place, "pricePlace")
    steps = positive(record.price_end_step, "priceEndStep")
    if unit is None or steps is None:
        return None
    return decimals.parse(decimals.plain(unit * steps))


def _life(record: BitgetContract) -> dict[str, Any]:
    """Status and end; version 1 states neither. From limitOpenTime on nothing may be opened."""
    if record.symbol_status is UNSET:
        return {}
    status = word(record.symbol_status, "symbolStatus", _STATUS)
    off = date_or_none(record.off_time, "offTime")
    if status is _S.DELISTED:
        return {"status": status, "delisted_at": off}
    limited = date_or_none(record.limit_open_time, "limitOpenTime")
    is_ahead = limited is not None and status in (_S.ONLINE, _S.PREOPEN)
    return {
        "status": status,
        "ends_at": off,
        "scheduled": (Scheduled(limited, "status", "REDUCE_ONLY"),) if limited and is_ahead else (),
    }


def date_or_none(value: str | None, field: str) -> dt.datetime | None:
    """An instant in milliseconds; -1 and the empty text are "normal": none."""
    return None if value == "-1" else unless_placeholder(milliseconds(value, field))


def utmost_prices(buy: str | None, sell: str | None) -> dict[str, Any]:
    """Bounds of prices: how far a buy may be above, a sell below the current price."""
    return {
        "bid_multiplier_up": deviation(buy, "buyLimitPriceRatio")[0],
        "ask_multiplier_down": deviation(sell, "sellLimitPriceRatio")[1],
    }


def rows_of(value: Any) -> Iterable[Row]:
    """The records of an answer.

    Raises:
        NotTheAnswer: It is an error's answer, or no answer of Bitget.
    """
    if isinstance(value, dict) and value.get("code") != "00000":
        raise NotTheAnswer(f"its code is {str(value.get('code'))[:20]}: {value.get('msg')}")
    return objects_at(value, "data")


def _rows(answers: Answers, margin: str | None) -> Iterable[Row]:
    """The contracts of a line; an answer all of whose contracts are of another is not its own."""
    for found in answers.values():
        for answer in found:
            rows = list(rows_of(answer.value))
            if rows and not any(_is_of(row.record, margin) for row in rows):
                raise NotTheAnswer(f"none of its contracts is settled in {margin or 'its coin'}")
            yield from rows


def _is_of(record: Any, margin: str | None) -> bool:
    """Whether a record may be of a line; one that is no object is told apart later."""
    if not isinstance(record, dict) or not isinstance(record.get("supportMarginCoins"), list):
        return True
    return (margin or record.get("baseCoin")) in record["supportMarginCoins"]


def _line(venue_id: str, margin: str | None, product_type: str, former: str) -> ProductLine:
    rows = partial(_rows, margin=margin)
    today = Request(
        "api.bitget.com/api/v2/mix/market/contracts",
        query=(("productType", product_type),),
        narrows=("symbol",),
    )
    version_1 = Request(
        "api.bitget.com/api/mix/v1/market/contracts",
        query=(("productType", former),),
        is_former=True,
    )
    return ProductLine(
        venue_id=venue_id,
        name=f"Bitget {margin or 'Coin'}-M Futures",
        operator="bitget",
        forms=(
            Form(
                lists=(today,),
                record=BitgetContract,
                rows=rows,
                read=partial(read_contract, margin=margin, is_former=False),
                covers=lambda query, spelling, _: query["symbol"] == spelling,
            ),
            Form(
                lists=(version_1,),
                record=BitgetContract,
                rows=rows,
                read=partial(read_contract, margin=margin, is_former=True),
                types={version_1: frozenset({SymbolTypeCode.PERPETUAL})},
            ),
        ),
        symbol_types=frozenset({SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE}),
        prices=(
            tickers(
                Request(
                    "api.bitget.com/api/v2/mix/market/tickers",
                    query=(("productType", product_type),),
                ),
                fields=TickerFields(("data",), last="lastPr", at="ts", traded="baseVolume"),
            ),
        ),
        ccxt_id="bitget",
        documentation=("https://www.bitget.com/api-doc/contract/market/Get-All-Symbols-Contracts",),
    )


PRODUCT_LINES: Final = (
    _line("bitget-usdt", "USDT", "USDT-FUTURES", "umcbl"),
    _line("bitget-coin", None, "COIN-FUTURES", "dmcbl"),
    _line("bitget-usdc", "USDC", "USDC-FUTURES", "cmcbl"),
)
