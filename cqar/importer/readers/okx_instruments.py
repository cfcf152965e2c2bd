"""Reads one instrument of OKX, of any type.

Words: www.okx.com/docs-v5, "Get instruments".
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import (
    Alias,
    Band,
    Code,
    Market,
    Phase,
    Scheduled,
    UnreadableRecord,
    UnsupportedRecord,
)
from cqar.importer.readers.fields import (
    kind_by_settlement,
    limit,
    milliseconds,
    number,
    positive,
    required,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import RawRecord
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

_S = MarketStatusCode
_T = SymbolTypeCode
_K = ContractKindCode

#: None: understood, and not a market of ours.
TYPES: Final = {
    "SPOT": _T.SPOT,
    "MARGIN": None,
    "SWAP": _T.PERPETUAL,
    "FUTURES": _T.FUTURE,
    "OPTION": _T.OPTION,
    "EVENTS": None,
}
_UNSUPPORTED: Final = {
    "MARGIN": ("MARGIN", "the spot market of this name, with margin"),
    "EVENTS": ("EVENT", "a contract on whether an event happens"),
}
#: state. `expired` is of former versions; `test` is a pair that cannot be traded.
_STATES: Final = {
    "live": _S.ONLINE,
    "suspend": _S.HALTED,
    "rebase": _S.HALTED,
    "preopen": _S.PREOPEN,
    "post_only": _S.POST_ONLY,
    "settling": _S.SETTLING,
    "expired": _S.DELISTED,
}
#: ruleType, and whether it is of pre-market trading. `xperp` is of futures of five years.
_RULES: Final = {"normal": False, "pre_market": True, "rebase_contract": True, "xperp": False}
#: instCategory, of the base asset. There is no class for a bond.
_CATEGORIES: Final = {
    "1": UnderlyingClassCode.CRYPTO,
    "3": UnderlyingClassCode.EQUITY,
    "4": UnderlyingClassCode.COMMODITY,
    "5": UnderlyingClassCode.FX,
    "6": None,
}
_KINDS: Final = {"linear": _K.LINEAR, "inverse": _K.INVERSE}
_OPTIONS: Final = {"C": OptionTypeCode.CALL, "P": OptionTypeCode.PUT}
#: upcChg.param, and which term it is. maxMktSz of SPOT is in USDT: no term of ours.
_SCHEDULED: Final = {
    "tickSz": "tick_size",
    "lotSz": "lot_size",
    "minSz": "min_order_size",
    "maxLmtSz": "max_order_size",
    "maxMktSz": "market_max_size",
}
_LOT_FOLLOWS_MINIMUM: Final = frozenset({_T.PERPETUAL, _T.FUTURE})
#: How an opening is held before continuous trading.
_OPENINGS: Final = {"call_auction": _S.AUCTION, "pre_quote": _S.PREOPEN, "fix_price": None}


class OkxTickBand(RawRecord, frozen=True, rename="camel"):
    min_px: str
    tick_sz: str

    UNUSED: ClassVar = frozenset({"maxPx"})


class OkxChange(RawRecord, frozen=True, rename="camel"):
    param: str
    new_value: str
    eff_time: str


class OkxInstrument(RawRecord, frozen=True, rename="camel"):
    """An instrument; `@tickBand` is its family's, from the answer to instrument-tick-bands."""

    inst_type: str
    inst_id: str
    state: str
    inst_id_code: str | None = None
    uly: str | None = None
    base_ccy: str | None = None
    quote_ccy: str | None = None
    settle_ccy: str | None = None
    ct_val: str | None = None
    ct_mult: str | None = None
    ct_val_ccy: str | None = None
    ct_type: str | None = None
    opt_type: str | None = None
    stk: str | None = None
    list_time: str | None = None
    exp_time: str | None = None
    cont_td_sw_time: str | None = None
    auction_end_time: str | None = None
    pre_mkt_sw_time: str | None = None
    open_type: str | None = None
    lever: str | None = None
    tick_sz: str | None = None
    lot_sz: str | None = None
    min_sz: str | None = None
    max_lmt_sz: str | None = None
    max_mkt_sz: str | None = None
    max_lmt_amt: str | None = None
    max_mkt_amt: str | None = None
    rule_type: str | None = None
    inst_category: str | None = None
    trade_quote_ccy_list: tuple[str, ...] | None = None
    upc_chg: tuple[OkxChange, ...] | None = None
    tick_bands: tuple[OkxTickBand, ...] | None = msgspec.field(name="@tickBand", default=None)

    UNUSED: ClassVar = frozenset(
        {
            *("instFamily", "category", "alias", "groupId", "seriesId", "futureSettlement"),
            *("maxTwapSz", "maxIcebergSz", "maxTriggerSz", "maxStopSz", "elp"),
            *("posLmtAmt", "posLmtPct", "maxPlatOILmt", "longPosRemainingQuota", "freq"),
            *("shortPosRemainingQuota", "initPxLmtPct", "floatPxLmtPct", "maxPxLmtPct", "method"),
            *("rpi", "rpiMinLevel", "rpiMinPxBand"),
        }
    )


def read(record: OkxInstrument) -> Market | UnsupportedRecord:
    symbol_type = word(record.inst_type, "instType", TYPES)
    spelling = text(record.inst_id, "instId")
    if symbol_type is None:
        return UnsupportedRecord(spelling, *_UNSUPPORTED[record.inst_type])
    if record.state == "test":
        return UnsupportedRecord(spelling, "TEST", "a test pair, which cannot be traded")
    return Market(
        spelling=spelling,
        symbol_type=symbol_type,
        underlying_class=(
            word(record.inst_category, "instCategory", _CATEGORIES)
            if record.inst_category
            else None
        ),
        listed_at=unless_placeholder(milliseconds(record.list_time, "listTime")),
        aliases=_aliases(record),
        scheduled=_scheduled(record, symbol_type),
        tick_size=positive(record.tick_sz, "tickSz"),
        tick_bands=_tick_bands(record),
        lot_size=positive(record.lot_sz, "lotSz"),
        min_order_size=limit(record.min_sz, "minSz"),
        max_order_size=limit(record.max_lmt_sz, "maxLmtSz"),
        **_life(record, symbol_type),
        **(_spot(record) if symbol_type is _T.SPOT else _contract(record, symbol_type)),
    )


def _life(record: OkxInstrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    """Status, expiry and end.

    A live instrument of pre-market rules is in pre-market trading. expTime is "the natural
    delivery or exercise time" of futures and options, and the offline time of others.
    """
    status = word(record.state, "state", _STATES)
    if word(record.rule_type or "normal", "ruleType", _RULES) and status is _S.ONLINE:
        status = _S.PRE_MARKET
    ends_at = unless_placeholder(milliseconds(record.exp_time, "expTime"))
    found: dict[str, MarketStatusCode | dt.datetime | None] = {"status": status}
    if status is _S.DELISTED:
        found["delisted_at"] = ends_at
    if symbol_type in (_T.SPOT, _T.PERPETUAL):
        return found | {"ends_at": ends_at}
    if ends_at is None:
        raise UnreadableRecord("expTime is not stated")
    return found | {"expiry": ends_at}


def _aliases(record: OkxInstrument) -> tuple[Alias, ...]:
    """Order channels of the WebSocket name an instrument by its number."""
    if not record.inst_id_code:
        return ()
    return (Alias(record.inst_id_code, SpellingChannelCode.ID),)


def _scheduled(record: OkxInstrument, symbol_type: SymbolTypeCode) -> tuple[Scheduled, ...]:
    """Announced changes. With the minimum of a contract the lot changes "synchronously"."""
    found = []
    for change in record.upc_chg or ():
        term = word(change.param, "upcChg.param", _SCHEDULED)
        value = decimals.plain(required(change.new_value, "upcChg.newValue"))
        at = milliseconds(change.eff_time, "upcChg.effTime")
        if at is None:
            raise UnreadableRecord("upcChg.effTime is not stated")
        if term != "market_max_size" or symbol_type is not _T.SPOT:
            found.append(Scheduled(at, term, value))
        if change.param == "minSz" and symbol_type in _LOT_FOLLOWS_MINIMUM:
            found.append(Scheduled(at, "lot_size", value))
    return tuple(found)


def _tick_bands(record: OkxInstrument) -> tuple[Band, ...]:
    """Of options; tickSz is the smallest of them."""
    bands = (
        Band(number(band.min_px, "minPx") or Decimal(0), required(band.tick_sz, "tickBand.tickSz"))
        for band in record.tick_bands or ()
    )
    return tuple(sorted(bands, key=lambda band: band.from_price))


def _spot(record: OkxInstrument) -> dict[str, Any]:
    """A spot market. The leverage on its record is "not applicable to SPOT"."""
    quote = text(record.quote_ccy, "quoteCcy")
    return {
        "base": Code(text(record.base_ccy, "baseCcy")),
        "quote": Code(quote),
        "quote_alternatives": record.trade_quote_ccy_list or (),
        "order_unit": OrderUnitCode.BASE,
        **_opening(record),
        **_largest_amounts(record, quote),
    }


def _largest_amounts(record: OkxInstrument, quote: str) -> dict[str, Any]:
    """The largest amounts of spot orders: maxMktSz is in USDT, the others are in USD.

    They are no notional of a market in another quote.
    """
    if quote == "USDT":
        return {"market_max_notional": limit(record.max_mkt_sz, "maxMktSz")}
    if quote == "USD":
        return {
            "max_notional": limit(record.max_lmt_amt, "maxLmtAmt"),
            "market_max_notional": limit(record.max_mkt_amt, "maxMktAmt"),
        }
    return {}


def _opening(record: OkxInstrument) -> dict[str, Any]:
    """The opening of a spot market: listTime starts the auction or the quoting before trading."""
    stated = record.cont_td_sw_time or record.auction_end_time
    starts_at = unless_placeholder(milliseconds(stated, "contTdSwTime"))
    opening = word(record.open_type, "openType", _OPENINGS) if record.open_type else None
    if record.auction_end_time and opening is None:
        opening = _S.AUCTION
    if starts_at is None or opening is None:
        return {"trading_starts_at": starts_at}
    listed_at = unless_placeholder(milliseconds(record.list_time, "listTime"))
    return {"trading_starts_at": starts_at, "phases": (Phase(opening, listed_at, starts_at),)}


def _contract(record: OkxInstrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    underlying = text(record.uly, "uly")
    base, separator, quote = underlying.partition("-")
    if not (base and separator and quote):
        raise UnreadableRecord(f"uly is {underlying[:80]!r}: no base and quote")
    settlement = text(record.settle_ccy, "settleCcy")
    kind = _kind(record, (base, quote, settlement))
    terms = {
        "base": Code(base),
        "quote": Code(quote),
        "settlement": Code(settlement),
        "underlying": underlying,
        "contract_kind": kind,
        "order_unit": OrderUnitCode.CONTRACT,
        "contract_size": _contract_size(record, kind, (base, quote)),
        "phases": _pre_market(record),
        "market_max_size": limit(record.max_mkt_sz, "maxMktSz"),
        "max_leverage": limit(record.lever, "lever"),
    }
    if symbol_type is _T.OPTION:
        terms["strike"] = required(record.stk, "stk")
        terms["option_type"] = word(record.opt_type, "optType", _OPTIONS)
    return terms


def _pre_market(record: OkxInstrument) -> tuple[Phase, ...]:
    """The pre-market of a swap, of which the end is stated."""
    ends_at = unless_placeholder(milliseconds(record.pre_mkt_sw_time, "preMktSwTime"))
    return (Phase(_S.PRE_MARKET, None, ends_at),) if ends_at else ()


def _kind(record: OkxInstrument, codes: tuple[str, str, str]) -> ContractKindCode:
    """By the settlement; the record's own word must not say the other of LINEAR and INVERSE."""
    kind = kind_by_settlement(*codes)
    if record.ct_type:
        stated = word(record.ct_type, "ctType", _KINDS)
        if kind is not _K.QUANTO and stated is not kind:
            raise UnreadableRecord(
                f"ctType is {record.ct_type}, and settleCcy {codes[2]} of {record.uly} is not"
            )
    return kind


def _contract_size(
    record: OkxInstrument, kind: ContractKindCode, codes: tuple[str, str]
) -> Decimal | None:
    """One contract: ctVal times ctMult.

    It is in the quote of an inverse swap or future and in the base of all others, also of options
    that are settled in the coin; another currency cannot be expressed.
    """
    size = decimals.plain(
        required(record.ct_val, "ctVal") * required(record.ct_mult or "1", "ctMult")
    )
    is_in_quote = kind is _K.INVERSE and record.inst_type != "OPTION"
    expected = codes[1] if is_in_quote else codes[0]
    if record.ct_val_ccy != expected:
        raise UnreadableRecord(f"ctValCcy is {str(record.ct_val_ccy)[:80]}, not {expected}")
    return decimals.parse(size)
