"""Bybit's symbols of 2021, which are of linear and inverse contracts in one list.

A future's name has month and year (BTCUSDM21), its alias month and day (BTCUSD0625); Bybit's
contract details say that it expires at 08:00 UTC of that day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from cqar.importer.market import Alias, Code, Market, UnreadableRecord, UnsupportedRecord
from cqar.importer.readers.bybit_contracts import STATUS
from cqar.importer.readers.fields import kind_by_settlement, limit, positive, rate, text, word
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    RawRecord,
    Request,
    Row,
    objects_at,
)
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode

_DATED: Final = re.compile(r"[FGHJKMNQUVXZ](\d{2})", re.ASCII)
_MONTH_AND_DAY: Final = re.compile(r"(\d{2})(\d{2})", re.ASCII)
_EXPIRY_HOUR: Final = 8


class BybitV2PriceFilter(RawRecord, frozen=True):
    tick_size: str | None = None
    min_price: str | None = None
    max_price: str | None = None


class BybitV2LotFilter(RawRecord, frozen=True):
    qty_step: str | None = None
    min_trading_qty: str | None = None
    max_trading_qty: str | None = None


class BybitV2Leverage(RawRecord, frozen=True):
    max_leverage: str | None = None

    UNUSED: ClassVar = frozenset({"min_leverage", "leverage_step"})


class BybitV2Symbol(RawRecord, frozen=True):
    name: str
    alias: str
    status: str
    base_currency: str
    quote_currency: str
    taker_fee: str | None = None
    maker_fee: str | None = None
    leverage_filter: BybitV2Leverage | None = None
    price_filter: BybitV2PriceFilter | None = None
    lot_size_filter: BybitV2LotFilter | None = None

    UNUSED: ClassVar = frozenset({"price_scale"})


def read_linear(record: BybitV2Symbol) -> Market | UnsupportedRecord:
    return _read(record, "linear")


def read_inverse(record: BybitV2Symbol) -> Market | UnsupportedRecord:
    return _read(record, "inverse")


def _read(record: BybitV2Symbol, category: str) -> Market | UnsupportedRecord:
    """A contract in USD is inverse and pays in its base; another one pays in its quote."""
    name = text(record.name, "name")
    base = text(record.base_currency, "base_currency")
    quote = text(record.quote_currency, "quote_currency")
    stated = "inverse" if quote == "USD" else "linear"
    if stated != category:
        return UnsupportedRecord(name, "OTHER_LINE", f"a contract of bybit-{stated}")
    settlement = base if stated == "inverse" else quote
    expiry = _expiry(record)
    leverage = record.leverage_filter
    return Market(
        spelling=name,
        symbol_type=SymbolTypeCode.PERPETUAL if expiry is None else SymbolTypeCode.FUTURE,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        contract_kind=kind_by_settlement(base, quote, settlement),
        expiry=expiry,
        status=word(record.status, "status", STATUS),
        aliases=(Alias(record.alias),) if record.alias not in ("", name) else (),
        order_unit=OrderUnitCode.QUOTE if stated == "inverse" else OrderUnitCode.BASE,
        maker_fee=rate(record.maker_fee, "maker_fee"),
        taker_fee=rate(record.taker_fee, "taker_fee"),
        max_leverage=positive(leverage.max_leverage, "max_leverage") if leverage else None,
        **_sizes(
            record.price_filter or BybitV2PriceFilter(),
            record.lot_size_filter or BybitV2LotFilter(),
        ),
    )


def _expiry(record: BybitV2Symbol) -> dt.datetime | None:
    pair = record.base_currency + record.quote_currency
    if record.name == pair:
        return None
    year = _DATED.fullmatch(record.name.removeprefix(pair))
    day = _MONTH_AND_DAY.fullmatch(record.alias.removeprefix(pair))
    try:
        if year is None or day is None:
            raise ValueError  # noqa: TRY301  (one clause says what is wrong)
        return dt.datetime(
            2000 + int(year[1]), int(day[1]), int(day[2]), _EXPIRY_HOUR, tzinfo=dt.UTC
        )
    except ValueError as error:
        names = f"{record.name[:40]!r} and {record.alias[:40]!r}"
        raise UnreadableRecord(f"{names} do not say when a future expires") from error


def _sizes(prices: BybitV2PriceFilter, lot: BybitV2LotFilter) -> dict[str, Any]:
    return {
        "tick_size": positive(prices.tick_size, "tick_size"),
        "min_price": limit(prices.min_price, "min_price"),
        "max_price": limit(prices.max_price, "max_price"),
        "lot_size": positive(lot.qty_step, "qty_step"),
        "min_order_size": limit(lot.min_trading_qty, "min_trading_qty"),
        "max_order_size": limit(lot.max_trading_qty, "max_trading_qty"),
    }


def _rows(answers: Answers) -> Iterable[Row]:
    for found in answers.values():
        for answer in found:
            if isinstance(answer.value, dict) and answer.value.get("ret_code", "0") != "0":
                said = str(answer.value.get("ret_msg"))[:200]
                raise NotTheAnswer(f"it is an error: {said}")
            yield from objects_at(answer.value, "result", name="name")


def forms(category: str) -> tuple[Form[BybitV2Symbol], ...]:
    """The former form of a category; spot and options had other requests."""
    reads = {"linear": read_linear, "inverse": read_inverse}
    if category not in reads:
        return ()
    request = Request("api.bybit.com/v2/public/symbols", is_former=True)
    return (Form(lists=(request,), record=BybitV2Symbol, rows=_rows, read=reads[category]),)
