"""Gemini and its sandbox: spot and perpetual swaps. `amount` of an order is in the base.

In a symbol's details `tick_size` is the step of quantities and `quote_increment` that of prices.
The list of symbols holds bare names, from which base and quote cannot be told apart (BTCGUSD):
a name without details is a record that cannot be read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Code, Market, UnreadableRecord
from cqar.importer.readers.fields import limit, positive, text, word
from cqar.importer.readers.product_line import (
    Answer,
    Answers,
    Form,
    NotTheAnswer,
    PriceForm,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_T = SymbolTypeCode
_K = ContractKindCode
_S = MarketStatusCode
#: developer.gemini.com, "Get symbol details". A book that is limit_only is open.
_STATUS: Final = {
    "open": _S.ONLINE,
    "limit_only": _S.ONLINE,
    "post_only": _S.POST_ONLY,
    "cancel_only": _S.CANCEL_ONLY,
    "closed": _S.HALTED,
}
_TYPES: Final = {"spot": _T.SPOT, "swap": _T.PERPETUAL}
_KINDS: Final = {"vanilla": None, "linear": _K.LINEAR, "inverse": _K.INVERSE}


class GeminiSymbol(RawRecord, frozen=True):
    symbol: str
    base_currency: str | None = None
    quote_currency: str | None = None
    tick_size: str | None = None
    quote_increment: str | None = None
    min_order_size: str | None = None
    status: str | None = None
    product_type: str | None = None
    contract_type: str | None = None
    contract_price_currency: str | None = None
    #: How the list of symbols writes it, if that is among the answers.
    listed_as: str | None = msgspec.field(default=None, name="@listedAs")

    UNUSED: ClassVar = frozenset({"wrap_enabled"})


def read_details(record: GeminiSymbol) -> Market:
    """A symbol. Before Gemini had swaps (2021), details had no product_type: all were spot."""
    spelling = text(record.symbol, "symbol")
    if record.base_currency is None and record.listed_as is not None:
        raise UnreadableRecord("its details are not among the answers: base and quote are unknown")
    base = text(record.base_currency, "base_currency")
    quote = text(record.quote_currency, "quote_currency")
    is_spot = (record.product_type is None and record.contract_type is None) or (
        word(record.product_type, "product_type", _TYPES) is _T.SPOT
    )
    alias = record.listed_as
    return Market(
        spelling=spelling,
        symbol_type=_T.SPOT if is_spot else _T.PERPETUAL,
        base=Code(base),
        quote=Code(quote),
        status=None if record.status is None else word(record.status, "status", _STATUS),
        aliases=(Alias(alias),) if alias and alias != spelling else (),
        order_unit=OrderUnitCode.BASE,
        tick_size=positive(record.quote_increment, "quote_increment"),
        lot_size=positive(record.tick_size, "tick_size"),
        min_order_size=limit(record.min_order_size, "min_order_size"),
        order_types=("LIMIT",) if record.status == "limit_only" else None,
        **({} if is_spot else _swap(record, base, quote)),
    )


def _swap(record: GeminiSymbol, base: str, quote: str) -> dict[str, Any]:
    """An inverse swap pays in the base; another one in the currency of its collateral."""
    kind = word(record.contract_type, "contract_type", _KINDS)
    settlement = text(record.contract_price_currency, "contract_price_currency")
    if kind is None or (kind is _K.LINEAR and settlement != quote):
        raise UnreadableRecord(
            f"contract_type is {record.contract_type}: no kind of a swap that pays in {settlement}"
        )
    return {"contract_kind": kind, "settlement": Code(quote if kind is _K.LINEAR else base)}


def _form(host: str) -> Form[GeminiSymbol]:
    every = Request(f"{host}/v1/symbols/details/all")
    each = Request(f"{host}/v1/symbols/details", narrows=("symbol",))
    names = Request(f"{host}/v1/symbols")

    def rows(answers: Answers) -> Iterable[Row]:
        found = [row for answer in answers_to(answers, every, each) for row in _details(answer)]
        listed = dict(_names(answers_to(answers, names)))
        for row in found:
            name = listed.pop(row.name.upper(), None)
            is_named = name is not None and isinstance(row.record, dict)
            yield Row(row.name, {**row.record, "@listedAs": name}) if is_named else row
        for name in listed.values():
            yield Row(name, {"symbol": name, "@listedAs": name})

    return Form(
        lists=(every, each, names),
        record=GeminiSymbol,
        rows=rows,
        read=read_details,
        covers=lambda query, spelling, _: query.get("symbol", "").upper() == spelling,
        incomplete=lambda answers: _missing(answers_to(answers, each)),
    )


def _missing(answers: Iterable[Answer]) -> str | None:
    """Why details of one symbol, without its name in the request, are not all."""
    alone = any(isinstance(a.value, dict) and "symbol" not in a.query for a in answers)
    return "it is one symbol, not the list" if alone else None


def _details(answer: Answer) -> Iterable[Row]:
    """GeminiSymbol of a list of symbols, or of one."""
    value = answer.value
    return objects_at([value] if isinstance(value, dict) and "symbol" in value else value)


def _names(answers: Iterable[Answer]) -> Iterator[tuple[str, str]]:
    for answer in answers:
        if not isinstance(answer.value, list):
            raise NotTheAnswer("it is no list of symbols")
        for name in answer.value:
            if not isinstance(name, str):
                raise NotTheAnswer("it has a symbol that is no text")
            yield name.upper(), name


def _prices(host: str) -> tuple[PriceForm, ...]:
    fields = TickerFields(spelling="pair", last="price")
    return (tickers(f"{host}/v1/pricefeed", fields=fields),)


_LINE: Final = ProductLine(
    venue_id="gemini",
    name="Gemini",
    operator="gemini",
    forms=(_form("api.gemini.com"),),
    prices=_prices("api.gemini.com"),
    symbol_types=frozenset({_T.SPOT, _T.PERPETUAL}),
    ccxt_id="gemini",
    documentation=("https://developer.gemini.com/trading/rest-api/market-data/get-symbol-details",),
    website="https://www.gemini.com",
)

PRODUCT_LINES: Final = (
    _LINE,
    dataclasses.replace(
        _LINE,
        venue_id="gemini-testnet",
        name="Gemini Sandbox",
        operator="gemini-testnet",
        forms=(_form("api.sandbox.gemini.com"),),
        prices=_prices("api.sandbox.gemini.com"),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
