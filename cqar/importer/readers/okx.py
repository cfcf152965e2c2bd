"""OKX v5: spot, swaps, futures and options, in one namespace; and its demo trading.

Quantities of orders are in the base currency of SPOT, and count contracts of SWAP, FUTURES and
OPTION ("the value is the number of contracts"). A contract is worth ctVal times ctMult units of
ctValCcy. MARGIN names the same markets as SPOT once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from cqar.importer.market import (
    Alias,
    Code,
    Market,
    Phase,
    Scheduled,
    UnreadableRecord,
    Unsupported,
)
from cqar.importer.readers.fields import (
    kind_by_settlement,
    limit,
    milliseconds,
    positive,
    required,
    text,
    unless_placeholder,
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
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

_S = MarketStatusCode
_T = SymbolTypeCode
_K = ContractKindCode

_TYPES: Final = {
    "SPOT": _T.SPOT,
    "MARGIN": _T.MARGIN,
    "SWAP": _T.PERPETUAL,
    "FUTURES": _T.FUTURE,
    "OPTION": _T.OPTION,
}
#: www.okx.com/docs-v5, "Get instruments": state; `post_only` since the change log of 2026-05-06.
_STATES: Final = {
    "live": _S.ONLINE,
    "suspend": _S.HALTED,
    "rebase": _S.HALTED,
    "preopen": _S.PREOPEN,
    "post_only": _S.POST_ONLY,
    "settling": _S.SETTLING,
    "expired": _S.DELISTED,
}
_RULES: Final = {"normal": False, "pre_market": True, "rebase_contract": True}
#: The same page: instCategory, of the base asset.
_CATEGORIES: Final = {
    "1": UnderlyingClassCode.CRYPTO,
    "3": UnderlyingClassCode.EQUITY,
    "4": UnderlyingClassCode.COMMODITY,
    "5": UnderlyingClassCode.FX,
    "6": UnderlyingClassCode.RATE,
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
#: How an opening is held before continuous trading.
_OPENINGS: Final = {"call_auction": _S.AUCTION, "pre_quote": _S.PREOPEN, "fix_price": None}


class UpcomingChange(RawRecord, frozen=True, rename="camel"):
    param: str
    new_value: str
    eff_time: str


class Instrument(RawRecord, frozen=True, rename="camel"):
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
    upc_chg: tuple[UpcomingChange, ...] | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("instFamily", "category", "alias", "groupId", "seriesId", "futureSettlement"),
            *("maxTwapSz", "maxIcebergSz", "maxTriggerSz", "maxStopSz", "preMktSwTime", "elp"),
            *("posLmtAmt", "posLmtPct", "maxPlatOILmt", "longPosRemainingQuota", "freq"),
            *("shortPosRemainingQuota", "initPxLmtPct", "floatPxLmtPct", "maxPxLmtPct", "method"),
            *("rpi", "rpiMinLevel", "rpiMinPxBand"),
        }
    )


def read(record: Instrument) -> Market | Unsupported:
    symbol_type = word(record.inst_type, "instType", _TYPES)
    spelling = text(record.inst_id, "instId")
    if record.state == "test":
        return Unsupported(spelling, "TEST", "a test pair, which cannot be traded")
    if symbol_type is _T.MARGIN:
        return Unsupported(spelling, "MARGIN", "the spot market of this name, with margin")
    return Market(
        spelling=spelling,
        symbol_type=symbol_type,
        underlying_class=_underlying_class(record, symbol_type),
        status=_status(record),
        listed_at=unless_placeholder(milliseconds(record.list_time, "listTime")),
        aliases=_aliases(record),
        scheduled=_scheduled(record, symbol_type),
        tick_size=positive(record.tick_sz, "tickSz"),
        lot_size=positive(record.lot_sz, "lotSz"),
        min_order_size=limit(record.min_sz, "minSz"),
        max_order_size=limit(record.max_lmt_sz, "maxLmtSz"),
        **(_spot(record) if symbol_type is _T.SPOT else _contract(record, symbol_type)),
    )


def _status(record: Instrument) -> MarketStatusCode:
    """The state; a live instrument of pre-market rules is in pre-market trading."""
    status = word(record.state, "state", _STATES)
    is_pre_market = word(record.rule_type or "normal", "ruleType", _RULES)
    return _S.PRE_MARKET if status is _S.ONLINE and is_pre_market else status


def _underlying_class(record: Instrument, symbol_type: SymbolTypeCode) -> Any:
    """Of contracts, the class of the base asset. Of spot, only one that is no coin."""
    if not record.inst_category:
        return None
    found = word(record.inst_category, "instCategory", _CATEGORIES)
    is_plain_spot = symbol_type is _T.SPOT and found is UnderlyingClassCode.CRYPTO
    return None if is_plain_spot else found


def _aliases(record: Instrument) -> tuple[Alias, ...]:
    """Order channels of the WebSocket name an instrument by its number."""
    if not record.inst_id_code:
        return ()
    return (Alias(record.inst_id_code, SpellingChannelCode.ID),)


def _scheduled(record: Instrument, symbol_type: SymbolTypeCode) -> tuple[Scheduled, ...]:
    found = []
    for change in record.upc_chg or ():
        term = word(change.param, "upcChg.param", _SCHEDULED)
        value = required(change.new_value, "upcChg.newValue")
        at = milliseconds(change.eff_time, "upcChg.effTime")
        if at is None:
            raise UnreadableRecord("upcChg.effTime is not stated")
        if term != "market_max_size" or symbol_type is not _T.SPOT:
            found.append(Scheduled(at, term, decimals.plain(value)))
    return tuple(found)


def _spot(record: Instrument) -> dict[str, Any]:
    """A spot market. maxMktSz is in USDT, and the largest amounts in USD, whatever the quote."""
    quote = text(record.quote_ccy, "quoteCcy")
    amounts = {
        "max_notional": limit(record.max_lmt_amt, "maxLmtAmt"),
        "market_max_notional": limit(record.max_mkt_amt, "maxMktAmt"),
    }
    return {
        "base": Code(text(record.base_ccy, "baseCcy")),
        "quote": Code(quote),
        "quote_alternatives": record.trade_quote_ccy_list or (),
        "order_unit": OrderUnitCode.BASE,
        "ends_at": unless_placeholder(milliseconds(record.exp_time, "expTime")),
        **_opening(record),
        **(amounts if quote == "USD" else {}),
    }


def _opening(record: Instrument) -> dict[str, Any]:
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


def _contract(record: Instrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    underlying = text(record.uly, "uly")
    base, separator, quote = underlying.partition("-")
    if not (base and separator and quote):
        raise UnreadableRecord(f"uly is {underlying[:80]!r}: no base and quote")
    settlement = text(record.settle_ccy, "settleCcy")
    terms = {
        "base": Code(base),
        "quote": Code(quote),
        "settlement": Code(settlement),
        "underlying": underlying,
        "contract_kind": _kind(record, (base, quote, settlement)),
        "order_unit": OrderUnitCode.CONTRACT,
        "market_max_size": limit(record.max_mkt_sz, "maxMktSz"),
        "max_leverage": limit(record.lever, "lever"),
    }
    ends_at = unless_placeholder(milliseconds(record.exp_time, "expTime"))
    terms["contract_size"] = _contract_size(record, terms["contract_kind"], (base, quote))
    if symbol_type is _T.PERPETUAL:
        return terms | {"ends_at": ends_at}
    if ends_at is None:
        raise UnreadableRecord("expTime is not stated")
    terms["expiry"] = ends_at
    if symbol_type is _T.OPTION:
        terms["strike"] = required(record.stk, "stk")
        terms["option_type"] = word(record.opt_type, "optType", _OPTIONS)
    return terms


def _kind(record: Instrument, codes: tuple[str, str, str]) -> ContractKindCode:
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
    record: Instrument, kind: ContractKindCode, codes: tuple[str, str]
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


def _rows(answers: Answers) -> Iterable[Row]:
    for request, found in answers.items():
        asked = dict(request.query)["instType"]
        for answer in found:
            value = answer.value
            if isinstance(value, dict) and value.get("code", "0") != "0":
                raise NotTheAnswer(f"it is an error: {str(value.get('msg'))[:200]}")
            for row in objects_at(value, "data", name="instId"):
                stated = row.record.get("instType") if isinstance(row.record, dict) else asked
                if stated in _TYPES and stated != asked:
                    raise NotTheAnswer(f"{row.name} is {stated}, not {asked}")
                yield row


def _covers(query: Mapping[str, str], spelling: str, _type: SymbolTypeCode) -> bool:
    """Whether an answer about one instrument, underlying or family would hold a spelling."""
    if "instId" in query:
        return query["instId"] == spelling
    family = query.get("instFamily") or query.get("uly") or ""
    return bool(family) and spelling.startswith(f"{family}-")


_REQUESTS: Final = {
    name: Request(
        "www.okx.com/api/v5/public/instruments",
        query=(("instType", name),),
        narrows=("instId", "instFamily", "uly"),
    )
    for name in _TYPES
}

_OKX: Final = ProductLine(
    venue_id="okx",
    name="OKX",
    operator="okx",
    forms=(
        Form(
            lists=tuple(_REQUESTS.values()),
            record=Instrument,
            rows=_rows,
            read=read,
            covers=_covers,
            types={
                request: frozenset() if name == "MARGIN" else frozenset({_TYPES[name]})
                for name, request in _REQUESTS.items()
            },
        ),
    ),
    symbol_types=frozenset({_T.SPOT, _T.PERPETUAL, _T.FUTURE, _T.OPTION}),
    ccxt_id="okx",
    documentation=(
        "https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments",
        "https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-place-order",
    ),
)

PRODUCT_LINES: Final = (
    _OKX,
    replace(
        _OKX,
        venue_id="okx-testnet",
        name="OKX Demo Trading",
        operator="okx-testnet",
        environment=EnvironmentCode.DEMO,
        ccxt_id="",
    ),
)
