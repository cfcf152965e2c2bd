"""Bitstamp: spot and perpetuals. `amount` of an order is in the base, of a perpetual, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from cqar.importer.market import Alias, Code, Market
from cqar.importer.readers import bitstamp_currencies
from cqar.importer.readers.fields import (
    amount_in,
    limit,
    places,
    split_once,
    text,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar.importer.readers.tickers import SECONDS, TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_T = SymbolTypeCode
_STATUS: Final = {"Enabled": MarketStatusCode.ONLINE, "Disabled": MarketStatusCode.HALTED}
_ORDER_TYPES: Final = {"Enabled": ("LIMIT", "MARKET", "INSTANT"), "Disabled": ("LIMIT",)}
_TYPES: Final = {"SPOT": _T.SPOT, "PERPETUAL": _T.PERPETUAL}
_KINDS: Final = {"Linear": ContractKindCode.LINEAR, "Inverse": ContractKindCode.INVERSE}


class BitstampPair(RawRecord, frozen=True):
    """A pair of trading-pairs-info, whose minimum has its unit: `20.0 USD`."""

    name: str
    url_symbol: str
    base_decimals: str | None = None
    counter_decimals: str | None = None
    minimum_order: str | None = None
    trading: str | None = None
    instant_and_market_orders: str | None = None
    description: str | None = None

    UNUSED: ClassVar = frozenset({"instant_order_counter_decimals"})


class BitstampMarket(RawRecord, frozen=True):
    """A market of /markets, which names its currencies and its type."""

    market_symbol: str
    market_type: str
    base_currency: str
    counter_currency: str
    name: str | None = None
    base_decimals: str | None = None
    counter_decimals: str | None = None
    minimum_order_value: str | None = None
    maximum_order_value: str | None = None
    minimum_order_amount: str | None = None
    maximum_order_amount: str | None = None
    trading: str | None = None
    instant_and_market_orders: str | None = None
    description: str | None = None
    payoff_type: str | None = None
    underlying_asset: str | None = None

    UNUSED: ClassVar = frozenset({"instant_order_counter_decimals", "contract_size", "isin"})


def read_pair(record: BitstampPair) -> Market:
    base, quote = split_once(text(record.name, "name"), "/", "name")
    return Market(
        spelling=text(record.url_symbol, "url_symbol"),
        aliases=(Alias(record.name),),
        symbol_type=_T.SPOT,
        base=Code(base, name=_names(record.description)[0]),
        quote=Code(quote, name=_names(record.description)[1]),
        **_least(record.minimum_order, base, quote),
        **_terms(record),
    )


def _least(minimum: str | None, base: str, quote: str) -> dict[str, Any]:
    """A minimum of any order, with its unit: a value in the quote, or a quantity of the base."""
    if not minimum:
        return {}
    if minimum.endswith(f" {quote}"):
        least = amount_in(minimum, quote, "minimum_order")
        return {"min_notional": least, "market_min_notional": least}
    return {"min_order_size": amount_in(minimum, base, "minimum_order")}


def read_market(record: BitstampMarket) -> Market:
    base = text(record.base_currency, "base_currency")
    quote = text(record.counter_currency, "counter_currency")
    symbol_type = word(record.market_type, "market_type", _TYPES)
    names = _names(record.description) if symbol_type is _T.SPOT else (None, None)
    own = {} if symbol_type is _T.SPOT else _contract(record, base, quote)
    least = limit(record.minimum_order_value, "minimum_order_value")
    most = limit(record.maximum_order_value, "maximum_order_value")
    return Market(
        spelling=text(record.market_symbol, "market_symbol"),
        aliases=(Alias(record.name),) if record.name else (),
        symbol_type=symbol_type,
        base=Code(base, name=names[0]),
        quote=Code(quote, name=names[1]),
        min_notional=least,
        max_notional=most,
        market_min_notional=least,
        market_max_notional=most,
        min_order_size=limit(record.minimum_order_amount, "minimum_order_amount"),
        max_order_size=limit(record.maximum_order_amount, "maximum_order_amount"),
        **own,
        **_terms(record),
    )


def _contract(record: BitstampMarket, base: str, quote: str) -> dict[str, Any]:
    kind = word(record.payoff_type, "payoff_type", _KINDS)
    return {
        "contract_kind": kind,
        "settlement": Code(quote if kind is ContractKindCode.LINEAR else base),
        "underlying": record.underlying_asset or None,
    }


def _terms(record: BitstampPair | BitstampMarket) -> dict[str, Any]:
    """What both forms state alike: decimals of the base are the lot's, the counter's the tick's."""
    allowed = record.instant_and_market_orders
    return {
        "status": word(record.trading, "trading", _STATUS) if record.trading is not None else None,
        "order_unit": OrderUnitCode.BASE,
        "tick_size": places(record.counter_decimals, "counter_decimals"),
        "lot_size": places(record.base_decimals, "base_decimals"),
        "order_types": (
            word(allowed, "instant_and_market_orders", _ORDER_TYPES)
            if allowed is not None
            else None
        ),
    }


def _names(description: str | None) -> tuple[str | None, str | None]:
    """The currencies' full names: `Bitcoin / U.S. dollar`."""
    first, separator, second = (description or "").partition(" / ")
    if not separator or not first or not second or " / " in second:
        return None, None
    return first, second


_ROOT: Final = "www.bitstamp.net/api/v2"
_MARKETS: Final = Request(f"{_ROOT}/markets/")
_PAIRS: Final = Request(f"{_ROOT}/trading-pairs-info/")


def _market_rows(answers: Answers) -> Iterable[Row]:
    for answer in answers_to(answers, _MARKETS):
        yield from objects_at(answer.value, name="market_symbol")


def _pair_rows(answers: Answers) -> Iterable[Row]:
    """Pairs; none where /markets, which says more of the same, is given, too."""
    if _MARKETS not in answers:
        for answer in answers_to(answers, _PAIRS):
            yield from objects_at(answer.value, name="url_symbol")


def _spelling(pair: str) -> str:
    """`BTC/USD` of a ticker is `btcusd` of an order."""
    return pair.replace("/", "").lower()


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="bitstamp",
        name="Bitstamp",
        operator="bitstamp",
        forms=(
            Form(
                lists=(_MARKETS,),
                record=BitstampMarket,
                rows=_market_rows,
                read=read_market,
            ),
            Form(
                lists=(_PAIRS,),
                also=(_MARKETS,),
                record=BitstampPair,
                rows=_pair_rows,
                read=read_pair,
                types={_PAIRS: frozenset({_T.SPOT})},
            ),
        ),
        symbol_types=frozenset({_T.SPOT, _T.PERPETUAL}),
        currencies=(bitstamp_currencies.CURRENCIES,),
        prices=(
            tickers(
                f"{_ROOT}/ticker/",
                fields=TickerFields(
                    spelling="pair", at="timestamp", unit=SECONDS, traded="volume", spell=_spelling
                ),
            ),
        ),
        ccxt_id="bitstamp",
        documentation=("https://www.bitstamp.net/api/#tag/Market-info",),
        website="https://www.bitstamp.net",
    ),
)
