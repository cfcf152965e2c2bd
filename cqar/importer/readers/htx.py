"""HTX (Huobi): spot. Its contracts are in `htx_contracts`.

Amounts of spot orders are in the base currency (that of a market buy is in the quote). Spot
writes its codes in lower case, for which version 2 states the display names: `btc` is BTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, Phase
from cqar.importer.readers import htx_contracts
from cqar.importer.readers.fields import (
    limit,
    milliseconds,
    places,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.htx_contracts import rows_of
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode

#: "offline: de-listed, not available for trading". `fuse` is a circuit breaker. `unknown` is a
#: word, too, but says nothing.
_STATE: Final = {
    "not-online": _S.PREOPEN,
    "pre-online": _S.PREOPEN,
    "online": _S.ONLINE,
    "suspend": _S.HALTED,
    "fuse": _S.HALTED,
    "transfer-board": _S.HALTED,
    "offline": _S.DELISTED,
}
_API_STATUS: Final = {"enabled": _S.ONLINE, "disabled": _S.HALTED}
_TRADE_STATUS: Final = {"true": _S.ONLINE, "false": _S.HALTED}
_AUCTION: Final = {"ca_1": _S.AUCTION, "ca_2": _S.AUCTION}


class HtxSymbol(RawRecord, frozen=True, rename="kebab"):
    """A symbol of version 1, which states the limits of orders."""

    symbol: str
    base_currency: str
    quote_currency: str
    state: str
    api_trading: str | UnsetType = UNSET
    price_precision: str | None = None
    amount_precision: str | None = None
    limit_order_min_order_amt: str | None = None
    limit_order_max_order_amt: str | None = None
    sell_market_min_order_amt: str | None = None
    sell_market_max_order_amt: str | None = None
    buy_market_max_order_value: str | None = None
    min_order_value: str | None = None
    max_order_value: str | None = None
    underlying: str | None = None
    leverage_ratio: str | None = None
    super_margin_leverage_ratio: str | None = None
    funding_leverage_ratio: str | None = None

    # min-order-amt and max-order-amt were replaced by those of limit orders.
    UNUSED: ClassVar = frozenset(
        {
            *("symbol-partition", "value-precision", "min-order-amt", "max-order-amt", "tags"),
            *("limit-order-max-buy-amt", "limit-order-max-sell-amt"),
            "mgmt-fee-rate",
            *("charge-time", "rebal-time", "rebal-threshold", "init-nav"),
            *("limit-order-max-order-amt-ratio", "settle-price-precision"),
        }
    )


class HtxSettings(RawRecord, frozen=True):
    """A symbol of version 2: states, times and precisions, no limits."""

    sc: str
    bc: str
    qc: str
    state: str
    bcdn: str | None = None
    qcdn: str | None = None
    te: bool | UnsetType = UNSET
    toa: str | None = None
    tpp: str | None = None
    tap: str | None = None
    castate: str | None = None
    ca1oa: str | None = None
    ca2oa: str | None = None
    lr: str | None = None
    smlr: str | None = None
    flr: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("si", "scr", "dn", "whe", "cd", "sp", "w", "ttp", "fp", "suspend_desc", "tags"),
            *("transfer_board_desc", "wr", "d", "elr", "p", "sm", "bc_id"),
        }
    )


def read_symbol(record: HtxSymbol) -> Market:
    """A symbol of version 1.

    `min-order-value` is of limit orders and market buys, in the quote; `max-order-value` likewise,
    but in USDT. An exchange-traded product follows its `underlying`.
    """
    quote = text(record.quote_currency, "quote-currency")
    status = word(record.state, "state", _STATE)
    if status is _S.ONLINE and record.api_trading is not UNSET:
        status = word(record.api_trading, "api-trading", _API_STATUS)
    least = limit(record.min_order_value, "min-order-value")
    most = limit(record.max_order_value, "max-order-value") if quote == "usdt" else None
    market_most = limit(record.buy_market_max_order_value, "buy-market-max-order-value")
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.SPOT,
        base=_code(text(record.base_currency, "base-currency"), None),
        quote=_code(quote, None),
        underlying=record.underlying or None,
        status=status,
        order_unit=OrderUnitCode.BASE,
        tick_size=places(record.price_precision, "price-precision"),
        lot_size=places(record.amount_precision, "amount-precision"),
        min_order_size=limit(record.limit_order_min_order_amt, "limit-order-min-order-amt"),
        max_order_size=limit(record.limit_order_max_order_amt, "limit-order-max-order-amt"),
        market_min_size=limit(record.sell_market_min_order_amt, "sell-market-min-order-amt"),
        market_max_size=limit(record.sell_market_max_order_amt, "sell-market-max-order-amt"),
        min_notional=least,
        market_min_notional=least,
        max_notional=most,
        market_max_notional=market_most,
        max_leverage=_largest(
            record.leverage_ratio, record.super_margin_leverage_ratio, record.funding_leverage_ratio
        ),
    )


def read_settings(record: HtxSettings) -> Market:
    """A symbol of version 2. `toa` is when trading opens, after the stages of a call auction."""
    status = word(record.state, "state", _STATE)
    if status is _S.ONLINE and record.te is not UNSET:
        status = word(record.te, "te", _TRADE_STATUS)
    if record.castate:
        status = word(record.castate, "castate", _AUCTION)
    opens_at = unless_placeholder(milliseconds(record.toa, "toa"))
    first = unless_placeholder(milliseconds(record.ca1oa, "ca1oa"))
    second = unless_placeholder(milliseconds(record.ca2oa, "ca2oa"))
    phases = []
    if first is not None:
        phases.append(Phase(_S.AUCTION, first, second or opens_at))
    if second is not None:
        phases.append(Phase(_S.AUCTION, second, opens_at))
    return Market(
        spelling=text(record.sc, "sc"),
        symbol_type=SymbolTypeCode.SPOT,
        base=_code(text(record.bc, "bc"), record.bcdn),
        quote=_code(text(record.qc, "qc"), record.qcdn),
        status=status,
        listed_at=None if phases else opens_at,
        trading_starts_at=opens_at if phases else None,
        phases=tuple(phases),
        order_unit=OrderUnitCode.BASE,
        tick_size=places(record.tpp, "tpp"),
        lot_size=places(record.tap, "tap"),
        max_leverage=_largest(record.lr, record.smlr, record.flr),
    )


def _largest(isolated: str | None, cross: str | None, funded: str | None) -> Decimal | None:
    """The largest leverage of a symbol, whose margin may be isolated or cross; 0 is none."""
    ratios = (limit(ratio, "leverage-ratio") for ratio in (isolated, cross, funded))
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def _code(code: str, display_name: str | None) -> Code:
    return Code(code, display_name or code.upper())


_VERSION_1: Final = Request("api.huobi.pro/v1/common/symbols")
_VERSION_2: Final = Request("api.huobi.pro/v2/settings/common/symbols", narrows=("ts",))


def _symbols(answers: Answers) -> Iterable[Row]:
    for answer in answers_to(answers, _VERSION_1):
        yield from rows_of(answer.value, "symbol")


def _settings(answers: Answers) -> Iterable[Row]:
    """Version 2, unless version 1 was answered, too: it states the same symbols, and more."""
    if _VERSION_1 not in answers:
        for answer in answers_to(answers, _VERSION_2):
            yield from rows_of(answer.value, "sc")


_SPOT: Final = ProductLine(
    venue_id="htx",
    name="HTX Spot",
    operator="htx",
    forms=(
        Form(lists=(_VERSION_1,), record=HtxSymbol, rows=_symbols, read=read_symbol),
        Form(
            lists=(_VERSION_2,),
            also=(_VERSION_1,),
            record=HtxSettings,
            rows=_settings,
            read=read_settings,
            covers=lambda _query, _spelling, _type: False,
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.SPOT}),
    prices=(
        tickers(
            "api.huobi.pro/market/tickers",
            fields=TickerFields(("data",), last="close", clock="ts", traded="count"),
        ),
    ),
    ccxt_id="htx",
    documentation=("https://www.htx.com/en-us/opend/newApiPages/",),
)

PRODUCT_LINES: Final = (_SPOT, *htx_contracts.PRODUCT_LINES)
