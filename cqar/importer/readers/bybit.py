"""Bybit v5: spot, linear and inverse contracts, options; and the product lines of all.

Quantities of orders are in the base coin of spot, linear contracts and options, and in USD, the
quote, of inverse contracts: one inverse contract is one USD.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers import bybit_contracts, bybit_v2
from cqar.importer.readers.bybit_contracts import (
    CLASSES,
    STATUS,
    BybitLotFilter,
    BybitPriceFilter,
    dates_of,
    sizes_of,
)
from cqar.importer.readers.fields import (
    kind_by_settlement,
    limit,
    positive,
    required,
    text,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    PriceForm,
    ProductLine,
    RawRecord,
    Request,
    Row,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode

_SIDES: Final = {"Call": OptionTypeCode.CALL, "Put": OptionTypeCode.PUT}
#: BTC-27MAR26-70000-P-USDT; older ones, which are settled in USDC, end with the side.
_OPTION: Final = re.compile(
    r"[^-]+-\d{1,2}[A-Z]{3}\d{2}-(?P<strike>\d+(?:\.\d+)?)-(?P<side>[CP])(?:-[A-Z0-9]+)?", re.ASCII
)


class BybitSpotLot(RawRecord, frozen=True, rename="camel"):
    base_precision: str | None = None
    min_order_qty: str | None = None
    max_order_qty: str | None = None
    min_order_amt: str | None = None
    max_order_amt: str | None = None
    max_limit_order_qty: str | None = None
    max_market_order_qty: str | None = None

    UNUSED: ClassVar = frozenset({"quotePrecision", "postOnlyMaxLimitOrderSize"})


class BybitSpotRecord(RawRecord, frozen=True, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    status: str
    symbol_type: str | None = None
    xstock_multiplier: str | None = None
    lot_size_filter: BybitSpotLot | None = None
    price_filter: BybitPriceFilter | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("innovation", "marginTrading", "stTag", "riskParameters", "forbidUplWithdrawal"),
            *("symbolId",),
        }
    )


class BybitOption(RawRecord, frozen=True, rename="camel"):
    symbol: str
    status: str
    base_coin: str
    quote_coin: str
    settle_coin: str
    options_type: str
    launch_time: str | None = None
    delivery_time: str | None = None
    price_filter: BybitPriceFilter | None = None
    lot_size_filter: BybitLotFilter | None = None

    UNUSED: ClassVar = frozenset({"deliveryFeeRate", "displayName", "symbolId"})


def read_spot(record: BybitSpotRecord) -> Market:
    """A spot pair, of a coin or of a tokenised share.

    Orders count tokens. The multiplier of a share's token says of how many shares it is; the
    record names no code of the share, so `multiple_of` stays None.
    """
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base_coin, "baseCoin")),
        quote=Code(text(record.quote_coin, "quoteCoin")),
        underlying_class=word(record.symbol_type or "", "symbolType", CLASSES),
        unit_multiplier=positive(record.xstock_multiplier, "xstockMultiplier"),
        status=word(record.status, "status", STATUS),
        order_unit=OrderUnitCode.BASE,
        tick_size=_tick(record.price_filter),
        **_spot_sizes(record.lot_size_filter or BybitSpotLot()),
    )


def _tick(prices: BybitPriceFilter | None) -> Any:
    return positive(prices.tick_size, "priceFilter.tickSize") if prices else None


def _spot_sizes(lot: BybitSpotLot) -> dict[str, Any]:
    """Limits of orders; the amounts are of every order.

    minOrderQty, maxOrderQty and maxOrderAmt are "no longer checked" where the maxima by kind of
    order stand beside them.
    """
    least = limit(lot.min_order_amt, "minOrderAmt")
    terms = {
        "lot_size": positive(lot.base_precision, "basePrecision"),
        "market_max_size": limit(lot.max_market_order_qty, "maxMarketOrderQty"),
        "min_notional": least,
        "market_min_notional": least,
    }
    if lot.max_limit_order_qty:
        return terms | {"max_order_size": limit(lot.max_limit_order_qty, "maxLimitOrderQty")}
    most = limit(lot.max_order_amt, "maxOrderAmt")
    return terms | {
        "min_order_size": limit(lot.min_order_qty, "minOrderQty"),
        "max_order_size": limit(lot.max_order_qty, "maxOrderQty"),
        "max_notional": most,
        "market_max_notional": most,
    }


def read_option(record: BybitOption) -> Market:
    """An option. Its strike stands in its name only."""
    base = text(record.base_coin, "baseCoin")
    quote = text(record.quote_coin, "quoteCoin")
    settlement = text(record.settle_coin, "settleCoin")
    side = word(record.options_type, "optionsType", _SIDES)
    parts = _OPTION.fullmatch(text(record.symbol, "symbol"))
    if parts is None or parts["side"] != side.name[0]:
        raise UnreadableRecord(f"symbol is {record.symbol[:80]!r}: it names no {side.name.lower()}")
    return Market(
        spelling=record.symbol,
        symbol_type=SymbolTypeCode.OPTION,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        contract_kind=kind_by_settlement(base, quote, settlement),
        strike=required(parts["strike"], "strike"),
        option_type=side,
        status=word(record.status, "status", STATUS),
        order_unit=OrderUnitCode.BASE,
        **dates_of(record, SymbolTypeCode.OPTION, record.status),
        **sizes_of(record.price_filter, record.lot_size_filter),
    )


def rows_of(category: str) -> Callable[[Answers], Iterable[Row]]:
    def rows(answers: Answers) -> Iterable[Row]:
        for found in answers.values():
            for answer in found:
                yield from _listing(answer.value, category)

    return rows


def _listing(value: Any, category: str) -> Iterable[Row]:
    """The records of an answer; some people keep it as an object of its records by symbol."""
    if not isinstance(value, dict):
        raise NotTheAnswer("it is no object")
    if value and all(isinstance(r, dict) and r.get("symbol") == key for key, r in value.items()):
        yield from (Row(symbol, record) for symbol, record in value.items())
        return
    if value.get("retCode", "0") != "0":
        raise NotTheAnswer(f"it is an error: {str(value.get('retMsg'))[:200]}")
    result = value.get("result")
    stated = result.get("category") if isinstance(result, dict) else None
    if stated not in (None, category):
        raise NotTheAnswer(f"its category is {str(stated)[:40]}, not {category}")
    yield from objects_at(value, "result", "list")


def missing_page(answers: Answers) -> str | None:
    """Each page but the last names the next one; a file may say of which page it is.

    An answer about one symbol names a next page, too: there is none.
    """
    pages = [a for found in answers.values() for a in found if "symbol" not in a.query]
    asked = {unquote(a.query["cursor"]) for a in pages if "cursor" in a.query}
    unnamed = sum("cursor" not in a.query for a in pages) - 1
    left = {cursor for a in pages if (cursor := _next_page(a.value))} - asked
    return "the next page is not there (nextPageCursor)" if len(left) > max(unnamed, 0) else None


def _next_page(value: Any) -> str:
    result = value.get("result") if isinstance(value, dict) else None
    cursor = result.get("nextPageCursor") if isinstance(result, dict) else None
    return unquote(cursor) if isinstance(cursor, str) else ""


def missing_options(answers: Answers) -> str | None:
    """Without a base coin the venue answers with Bitcoin's options only."""
    if any("baseCoin" not in a.query for found in answers.values() for a in found):
        return "it holds the options of one coin: name the file with baseCoin=BTC"
    return missing_page(answers)


def _covers(query: Mapping[str, str], spelling: str, symbol_type: SymbolTypeCode) -> bool:
    if "symbol" in query:
        return query["symbol"] == spelling
    is_option = symbol_type is SymbolTypeCode.OPTION
    return is_option and set(query) == {"baseCoin"} and spelling.startswith(query["baseCoin"] + "-")


def _form(host: str, category: str, shape: tuple[Any, Any]) -> Form[Any]:
    record, read = shape
    request = Request(
        f"{host}/v5/market/instruments-info",
        query=(("category", category),),
        pages="cursor",
        narrows=("symbol", "symbolType", "status", "baseCoin"),
    )
    return Form(
        lists=(request,),
        record=record,
        rows=rows_of(category),
        read=read,
        covers=_covers,
        incomplete=missing_options if category == "option" else missing_page,
        next_page=_next_page,
    )


_SHAPES: Final[dict[str, tuple[Any, Any]]] = {
    "spot": (BybitSpotRecord, read_spot),
    "linear": (bybit_contracts.BybitContract, bybit_contracts.read_linear),
    "inverse": (bybit_contracts.BybitContract, bybit_contracts.read_inverse),
    "option": (BybitOption, read_option),
}
_CONTRACTS: Final = frozenset({SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE})
_TYPES: Final = {
    "spot": frozenset({SymbolTypeCode.SPOT}),
    "linear": _CONTRACTS,
    "inverse": _CONTRACTS,
    "option": frozenset({SymbolTypeCode.OPTION}),
}


_TICKER: Final = TickerFields(
    ("result", "list"), last="lastPrice", clock="time", traded="volume24h"
)
#: "Latest information for symbol" of version 2, for linear and inverse contracts.
_TICKER_2: Final = TickerFields(("result",), last="last_price", traded="turnover_24h")


def _prices(host: str, category: str) -> tuple[PriceForm, ...]:
    query = (("category", category),)
    if category == "option":
        return ()
    former = Request(f"{host}/v2/public/tickers", is_former=True)
    today = tickers(Request(f"{host}/v5/market/tickers", query=query), fields=_TICKER)
    return (today,) if category == "spot" else (today, tickers(former, fields=_TICKER_2))


def _line(category: str, *, is_testnet: bool = False) -> ProductLine:
    host = "api-testnet.bybit.com" if is_testnet else "api.bybit.com"
    former = () if is_testnet else bybit_v2.forms(category)
    suffix = "-testnet" if is_testnet else ""
    return ProductLine(
        venue_id=("bybit" if category == "spot" else f"bybit-{category}") + suffix,
        name=f"Bybit {category.title()}" + (" Testnet" if is_testnet else ""),
        operator="bybit" + suffix,
        forms=(_form(host, category, _SHAPES[category]), *former),
        symbol_types=_TYPES[category],
        prices=_prices(host, category),
        environment=EnvironmentCode.TESTNET if is_testnet else EnvironmentCode.PRODUCTION,
        ccxt_id="" if is_testnet else "bybit",
        documentation=(
            "https://bybit-exchange.github.io/docs/v5/market/instrument",
            "https://bybit-exchange.github.io/docs/v5/enum",
            "https://bybit-exchange.github.io/docs/v5/order/create-order",
        ),
    )


PRODUCT_LINES: Final = tuple(
    _line(category, is_testnet=is_testnet) for is_testnet in (False, True) for category in _SHAPES
)
