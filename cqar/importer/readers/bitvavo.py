"""Bitvavo: spot. `amount` of an order is in the base, `amountQuote` of a market order in the quote.

Limits in the quote are of any order. Until 2025 a price had up to `pricePrecision` significant
digits; since then `tickSize` stands beside it and decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers import bitvavo_currencies
from cqar.importer.readers.fields import integer, limit, places, positive, text, word
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
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
#: docs.bitvavo.com, "Get markets".
_STATUS: Final = {"trading": _S.ONLINE, "halted": _S.HALTED, "auction": _S.AUCTION}
_DIGITS_MAX: Final = 30


class BitvavoMarket(RawRecord, frozen=True, rename="camel"):
    market: str
    base: str
    quote: str
    status: str | None = None
    price_precision: str | None = None
    tick_size: str | None = None
    quantity_decimals: str | None = None
    min_order_in_base_asset: str | None = None
    min_order_in_quote_asset: str | None = None
    max_order_in_base_asset: str | None = None
    max_order_in_quote_asset: str | None = None
    order_types: tuple[str, ...] | None = None

    UNUSED: ClassVar = frozenset({"notionalDecimals", "maxOpenOrders", "feeCategory"})


def read_market(record: BitvavoMarket) -> Market:
    tick = positive(record.tick_size, "tickSize")
    least = limit(record.min_order_in_quote_asset, "minOrderInQuoteAsset")
    most = limit(record.max_order_in_quote_asset, "maxOrderInQuoteAsset")
    kinds = record.order_types
    return Market(
        spelling=text(record.market, "market"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base, "base")),
        quote=Code(text(record.quote, "quote")),
        status=None if record.status is None else word(record.status, "status", _STATUS),
        order_unit=OrderUnitCode.BASE,
        tick_size=tick,
        price_significant_digits=_digits(record.price_precision) if tick is None else None,
        lot_size=places(record.quantity_decimals, "quantityDecimals"),
        min_order_size=limit(record.min_order_in_base_asset, "minOrderInBaseAsset"),
        max_order_size=limit(record.max_order_in_base_asset, "maxOrderInBaseAsset"),
        min_notional=least,
        max_notional=most,
        market_min_notional=least,
        market_max_notional=most,
        order_types=None if kinds is None else tuple(kind.upper() for kind in kinds),
    )


def _digits(precision: str | None) -> int | None:
    digits = integer(precision, "pricePrecision")
    if digits is not None and not 0 < digits <= _DIGITS_MAX:
        raise UnreadableRecord(f"pricePrecision is {digits}: no number of significant digits")
    return digits


def _markets(answers: Answers) -> Iterable[Row]:
    """Markets of the list, or the one of a request with `market`."""
    for answer in answers_to(answers, *answers):
        value = answer.value
        is_one = isinstance(value, dict) and "market" in value
        yield from objects_at([value] if is_one else value, name="market")


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="bitvavo",
        name="Bitvavo",
        operator="bitvavo",
        forms=(
            Form(
                lists=(Request("api.bitvavo.com/v2/markets", narrows=("market",)),),
                record=BitvavoMarket,
                rows=_markets,
                read=read_market,
                covers=lambda query, spelling, _: query.get("market") == spelling,
            ),
        ),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        currencies=(bitvavo_currencies.CURRENCIES,),
        prices=(
            tickers(
                "api.bitvavo.com/v2/ticker/24h",
                fields=TickerFields(spelling="market", at="timestamp", traded="volume"),
            ),
            tickers(
                "api.bitvavo.com/v2/ticker/price",
                fields=TickerFields(spelling="market", last="price"),
            ),
        ),
        region="eu",
        ccxt_id="bitvavo",
        documentation=(
            "https://docs.bitvavo.com/docs/rest-api/get-markets/",
            "https://docs.bitvavo.com/docs/rest-api/create-order/",
        ),
        website="https://bitvavo.com",
    ),
)
