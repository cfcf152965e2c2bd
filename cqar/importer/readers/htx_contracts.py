"""HTX (Huobi): linear swaps and futures, coin-margined swaps and futures.

An order's `volume` counts whole contracts ("cont"). `contract_size` is in the base currency on the
linear line, and "USD of one contract" on the coin-margined lines, which are quoted in USD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.fields import (
    milliseconds,
    positive,
    required_instant,
    split_once,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Covers,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
_SWAP: Final = SymbolTypeCode.PERPETUAL
_FUTURE: Final = SymbolTypeCode.FUTURE
#: Contracts are counted in whole numbers.
_WHOLE: Final = Decimal(1)

_STATUS: Final = {
    "0": _S.DELISTED,  # Delisting; in Chinese: has left the market
    "1": _S.ONLINE,  # Listing
    "2": _S.PREOPEN,  # Pending Listing
    "3": _S.HALTED,  # Suspension
    "4": _S.HALTED,  # Suspending of Listing
    "5": _S.SETTLING,  # In Settlement
    "6": _S.SETTLING,  # Delivering
    "7": _S.HALTED,  # Settlement Completed
    "8": _S.DELISTED,  # Delivered
    "9": _S.HALTED,  # Suspending of Trade
}
_BUSINESS_TYPES: Final = {"swap": _SWAP, "futures": _FUTURE}
_DELIVERIES: Final = {
    "swap": _SWAP,
    "this_week": _FUTURE,
    "next_week": _FUTURE,
    "quarter": _FUTURE,
    "next_quarter": _FUTURE,
}


class HtxContract(RawRecord, frozen=True):
    """A contract of any line."""

    symbol: str
    contract_code: str
    contract_status: str
    contract_size: str | None = None
    price_tick: str | None = None
    delivery_time: str | None = None
    contract_type: str | None = None
    business_type: str | UnsetType = UNSET
    pair: str | None = None
    trade_partition: str | None = None

    # create_date and delivery_date are days, no instants; the times of settlement are the next.
    UNUSED: ClassVar = frozenset(
        {
            *("create_date", "delivery_date", "settlement_time", "settlement_date"),
            *("support_margin_mode", "adjust", "price_estimated"),
        }
    )


def read_linear(record: HtxContract) -> Market:
    """A contract of the linear line: BTC-USDT, or BTC-USDT-211231, a future."""
    code = text(record.contract_code, "contract_code")
    pair = record.pair or code
    base, quote = split_once(pair, "-", "pair" if record.pair else "contract_code")
    if base != record.symbol or (record.trade_partition or quote) != quote:
        raise UnreadableRecord(f"pair is {pair[:80]}, but symbol is {record.symbol[:80]}")
    type_ = word(record.business_type or "swap", "business_type", _BUSINESS_TYPES)
    if record.contract_type and word(record.contract_type, "contract_type", _DELIVERIES) != type_:
        raise UnreadableRecord(f"business_type is {record.business_type}: not its contract_type")
    return Market(
        **_terms(record, type_),
        quote=Code(quote),
        settlement=Code(quote),
        contract_kind=ContractKindCode.LINEAR,
    )


def read_coin_margined(record: HtxContract, type_: SymbolTypeCode) -> Market:
    """A swap, BTC-USD, or a future, BTC210924; paid in the coin."""
    code = text(record.contract_code, "contract_code")
    if type_ is _SWAP and code != f"{record.symbol}-USD":
        raise UnreadableRecord(f"contract_code is {code[:80]!r}: no swap of {record.symbol[:80]}")
    if type_ is _FUTURE and word(record.contract_type, "contract_type", _DELIVERIES) != type_:
        raise UnreadableRecord(f"contract_type is {record.contract_type}: no future")
    return Market(
        **_terms(record, type_),
        quote=Code("USD"),
        settlement=Code(text(record.symbol, "symbol")),
        contract_kind=ContractKindCode.INVERSE,
    )


def _terms(record: HtxContract, type_: SymbolTypeCode) -> dict[str, Any]:
    """What all lines state. A swap that states a time of delivery ends then, or has ended."""
    status = word(record.contract_status, "contract_status", _STATUS)
    delivery = milliseconds(record.delivery_time, "delivery_time")
    end: dict[str, Any]
    if type_ is _FUTURE:
        end = {"expiry": required_instant(delivery, "delivery_time")}
    else:
        over = status is _S.DELISTED
        end = {"delisted_at" if over else "ends_at": unless_placeholder(delivery)}
    return {
        "spelling": record.contract_code,
        "symbol_type": type_,
        "base": Code(text(record.symbol, "symbol")),
        "status": status,
        "order_unit": OrderUnitCode.CONTRACT,
        "contract_size": positive(record.contract_size, "contract_size"),
        "tick_size": positive(record.price_tick, "price_tick"),
        "lot_size": _WHOLE,
        **end,
    }


def rows_of(value: Any, name: str = "contract_code") -> Iterable[Row]:
    """The records of an answer.

    Raises:
        NotTheAnswer: It is an error's answer, or no answer of HTX.
    """
    if isinstance(value, dict) and value.get("status") != "ok":
        reason = value.get("err-msg") or value.get("err_msg") or value.get("err-code")
        raise NotTheAnswer(f"its status is {str(value.get('status'))[:20]}: {str(reason)[:200]}")
    return objects_at(value, "data", name=name)


def _rows(answers: Answers, is_own: Callable[[str], bool]) -> Iterable[Row]:
    """The contracts of a line; an answer without any of its own is another line's."""
    for answer in answers_to(answers, *answers):
        rows = list(rows_of(answer.value))
        if rows and not any(is_own(row.name) for row in rows):
            raise NotTheAnswer(f"{rows[0].name[:80]} is a contract of another line")
        yield from rows


def _is_linear(code: str) -> bool:
    return "-" in code and not code.endswith("-USD")


def _is_coin_swap(code: str) -> bool:
    return code.endswith("-USD")


def _is_coin_future(code: str) -> bool:
    return "-" not in code


def _has_code(query: Any, spelling: str, _type: SymbolTypeCode) -> bool:
    return bool(query.get("contract_code") == spelling and len(query) == 1)


_COVERS: Final[Covers] = _has_code
_LINEAR: Final = "api.hbdm.com/linear-swap-api/v1/swap_contract_info"
_NARROWS: Final = ("contract_code", "support_margin_mode", "pair", "contract_type")


def _linear_request(business_type: str) -> Request:
    return Request(_LINEAR, query=(("business_type", business_type),), narrows=_NARROWS)


#: Without a business type the venue answers with swaps only.
_SWAPS: Final = _linear_request("swap")
_FUTURES: Final = _linear_request("futures")
_ALL: Final = _linear_request("all")


_MERGED: Final = TickerFields(
    ("ticks",), spelling="contract_code", last="close", at="ts", traded="count"
)


def _coin_line(venue_id: str, name: str, request: Request, type_: SymbolTypeCode) -> ProductLine:
    read = partial(read_coin_margined, type_=type_)
    rows = partial(_rows, is_own=_is_coin_swap if type_ is _SWAP else _is_coin_future)
    form = Form(lists=(request,), record=HtxContract, rows=rows, read=read, covers=_COVERS)
    return ProductLine(
        venue_id=venue_id,
        name=name,
        operator="htx",
        forms=(form,),
        symbol_types=frozenset({type_}),
        prices=(tickers("api.hbdm.com/swap-ex/market/detail/batch_merged", fields=_MERGED),)
        if type_ is _SWAP
        else (),
        ccxt_id="htx",
        documentation=("https://huobiapi.github.io/docs/dm/v1/en/#get-contract-info",),
    )


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="htx-linear",
        name="HTX USDT-M Contracts",
        operator="htx",
        forms=(
            Form(
                lists=(_SWAPS, _FUTURES, _ALL),
                record=HtxContract,
                rows=partial(_rows, is_own=_is_linear),
                read=read_linear,
                covers=_COVERS,
                types={_SWAPS: frozenset({_SWAP}), _FUTURES: frozenset({_FUTURE})},
            ),
        ),
        symbol_types=frozenset({_SWAP, _FUTURE}),
        prices=(tickers("api.hbdm.com/linear-swap-ex/market/detail/batch_merged", fields=_MERGED),),
        ccxt_id="htx",
        documentation=(
            "https://huobiapi.github.io/docs/usdt_swap/v1/en/#general-query-swap-info",
            "https://huobiapi.github.io/docs/usdt_swap/v1/en/#cross-place-an-order",
        ),
    ),
    _coin_line(
        "htx-coinm-swap",
        "HTX Coin-M Swaps",
        Request("api.hbdm.com/swap-api/v1/swap_contract_info", narrows=("contract_code",)),
        _SWAP,
    ),
    _coin_line(
        "htx-coinm-future",
        "HTX Coin-M Futures",
        Request(
            "api.hbdm.com/api/v1/contract_contract_info",
            narrows=("symbol", "contract_type", "contract_code"),
        ),
        _FUTURE,
    ),
)
