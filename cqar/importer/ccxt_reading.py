"""Reads venues that have no reader, with ccxt: unreviewed, traced, every record accounted for.

`fetch_markets`, not `load_markets`: the latter is keyed by unified symbol, and 304 Kraken
records became 293. One junk record kills Binance's whole answer and vanishes from Kraken's
without a word: so what cannot be read is found by halves, and what vanished by comparison.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from cqar.importer.answer_reader import (
    Reading,
    Unreadable,
    printable_name,
    refuse_doubles,
    require_sound,
)
from cqar.importer.ccxt_answers import RecordedResponses, Records, name_of, records_in
from cqar.importer.market import Code, Market
from cqar.importer.provenance import drop_untraced
from cqar.importer.readers.fields import limit
from cqar.importer.saved_answers import SavedResponse, UnusableAnswer
from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode

SYMBOL_TYPES: Final = {
    "spot": SymbolTypeCode.SPOT,
    "swap": SymbolTypeCode.PERPETUAL,
    "future": SymbolTypeCode.FUTURE,
    "option": SymbolTypeCode.OPTION,
}
#: ccxt's `precisionMode`s.
DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4

Record = tuple[str, dict[str, Any]]


#: Who reads a venue that has no reader of ours.
READER: Final = "ccxt, unreviewed"


def read_with_ccxt(
    venue_id: str,
    ccxt_id: str,
    market_types: Iterable[str],
    saved: list[SavedResponse] | None,
    contracts: str | None = None,
) -> Reading:
    """Read a venue's listing with ccxt, from saved files, or (None) from the venue.

    Args:
        contracts: `linear` or `inverse`, where contracts of the other kind are another venue here.

    Raises:
        UnusableAnswer: It is not this venue's listing, or the venue does not answer.
    """
    types = set(market_types)
    exchange = make_exchange(ccxt_id, types)
    answers = RecordedResponses(exchange, saved)
    reading = Reading(READER, frozenset())
    reading.is_reviewed = False
    for market in _markets(exchange, answers, reading):
        kind = str(market.get("type"))
        if kind in types and contracts and market.get("contract") and not market.get(contracts):
            kind = f"{'inverse' if market.get('inverse') else 'linear'} {kind}"
        if kind not in types:
            reading.other_types[kind] = reading.other_types.get(kind, 0) + 1
            reading.records -= 1
            continue
        try:
            parsed = parse_market(market, exchange.precisionMode)
            parsed, untraced = drop_untraced(parsed, market.get("info"))
            require_sound(parsed)
        except (ValueError, KeyError) as error:
            reading.unreadable.append(Unreadable(printable_name(str(market.get("id"))), str(error)))
        else:
            reading.markets.append(parsed)
            reading.untraced[parsed.spelling] = untraced
            reading.raw[parsed.spelling] = (market.get("info"), None)
    reading.taken_at = answers.taken_at
    reading.sources = answers.sources
    reading.symbol_types = frozenset(market.symbol_type for market in reading.markets)
    refuse_doubles(reading)
    if not reading.markets:
        raise UnusableAnswer(
            f"no market of {venue_id} is in it: {reading.records} records,"
            f" {len(reading.unreadable)} unreadable{_first_reason(reading)}{_others(reading)}"
        )
    return reading


def _first_reason(reading: Reading) -> str:
    if not reading.unreadable:
        return ""
    first = reading.unreadable[0]
    return f"; the first, {first.name}: {first.reason}"


def _others(reading: Reading) -> str:
    return "".join(
        f"; {n} {kind} markets are not its own" for kind, n in reading.other_types.items()
    )


def make_exchange(ccxt_id: str, market_types: set[str]) -> Any:
    """A ccxt exchange that keeps numbers as the venue wrote them.

    Raises:
        UnusableAnswer: ccxt, the optional extra, is not installed, or knows no such exchange.
    """
    try:
        import ccxt  # noqa: PLC0415  (2.3 s and 100 MB: only who imports a listing pays)
    except ImportError as error:
        raise UnusableAnswer("importing needs ccxt: pip install 'cqar[import]'") from error
    if ccxt_id not in ccxt.exchanges:
        raise UnusableAnswer(f"ccxt knows no exchange {ccxt_id!r}: correct the venue's ccxt_id")
    exchange = getattr(ccxt, ccxt_id)()
    exchange.number = str
    options = exchange.options.get("fetchMarkets")
    if isinstance(options, dict) and "types" in options:
        # Only what this venue id is for: BTCUSDT is two products across Binance's lists.
        wanted = [name for name in options["types"] if name in market_types]
        exchange.options["fetchMarkets"] = {**options, "types": wanted or options["types"]}
    return exchange


def _markets(exchange: Any, answers: RecordedResponses, reading: Reading) -> list[dict[str, Any]]:
    markets, error = _fetch(exchange)
    answers.require_used()
    reading.unused = answers.unused
    found = [records for box in answers.boxes if (records := records_in(box))]
    if not found:
        raise UnusableAnswer(_nothing(exchange, error))
    reading.records = sum(len(records.records) for records in found)
    if error is not None:
        longest = max(found, key=lambda records: len(records.records))
        markets = _by_halves(exchange, longest, reading, longest.records)
    _reject_vanished(markets, found, reading)
    return markets


def _nothing(exchange: Any, error: Exception | None) -> str:
    if error is not None and type(error).__mro__[1].__name__ in ("NetworkError", "OperationFailed"):
        return f"{exchange.id} does not answer: is there a network? ({str(error)[:200]})"
    reason = f": {str(error)[:200]}" if error else ""
    return f"the answer holds no records of {exchange.id}{reason}"


def _fetch(exchange: Any) -> tuple[list[dict[str, Any]], Exception | None]:
    try:
        return list(exchange.fetch_markets() or ()), None
    except Exception as error:  # noqa: BLE001  (ccxt's parsers raise whatever they trip over)
        return [], error


def _by_halves(
    exchange: Any, where: Records, reading: Reading, records: list[Record]
) -> list[dict[str, Any]]:
    """Read what can be read of `records`: one bad one costs about 2 log2(n) readings."""
    where.put(records)
    markets, error = _fetch(exchange)
    if error is None:
        return markets
    if len(records) == 1:
        reason = f"ccxt cannot read it: {type(error).__name__}: {str(error)[:200]}"
        reading.unreadable.append(Unreadable(records[0][0], reason))
        return []
    half = len(records) // 2
    first = _by_halves(exchange, where, reading, records[:half])
    return first + _by_halves(exchange, where, reading, records[half:])


def _reject_vanished(markets: list[dict[str, Any]], found: list[Records], reading: Reading) -> None:
    """Records that ccxt passed over.

    Answers none of whose records became markets are not listings (Kraken's Assets).
    """
    read = {id(market["info"]) for market in markets} | {
        name_of(market["info"]) for market in markets if isinstance(market["info"], dict)
    }
    ids = {market["id"] for market in markets}
    known = {unreadable.name for unreadable in reading.unreadable}
    # A single answer is the listing, even if nothing was read from it.
    single = len(found) == 1
    for records in found:
        gone = [
            name
            for name, record in records.records
            if id(record) not in read and name not in ids and name not in read
        ]
        if single or len(gone) < len(records.records):
            reading.unreadable += [
                Unreadable(name, "ccxt reads no market from it")
                for name in gone
                if name not in known
            ]


def parse_market(market: dict[str, Any], precision_mode: int) -> Market:
    """One of ccxt's markets in our words.

    Raises:
        ValueError: A part of it cannot be what it should be.
    """
    limits = market.get("limits") or {}
    amount, cost = limits.get("amount") or {}, limits.get("cost") or {}
    precision = market.get("precision") or {}
    price, lot = precision.get("price"), precision.get("amount")
    digits = int(price) if price and precision_mode == SIGNIFICANT_DIGITS else None
    return Market(
        spelling=_text(market.get("id"), "an id"),
        symbol_type=SYMBOL_TYPES[market["type"]],
        base=_code(market, "base"),
        quote=_code(market, "quote"),
        settlement=_code(market, "settle") if market.get("settle") else None,
        # Deribit's perpetuals carry an expiration far away: they have none.
        expiry=None if market["type"] == "swap" else _instant(market.get("expiry")),
        strike=_limit(market.get("strike"), "the strike"),
        option_type=OptionTypeCode[str(market["optionType"]).upper()]
        if market.get("optionType")
        else None,
        status=_STATUS.get(market.get("active")),
        tick_size=None if digits else _step(price, precision_mode, "the price step"),
        lot_size=_step(lot, TICK_SIZE if digits else precision_mode, "the quantity step"),
        min_order_size=_limit(amount.get("min"), "the minimum quantity"),
        max_order_size=_limit(amount.get("max"), "the maximum quantity"),
        min_notional=_limit(cost.get("min"), "the minimum notional"),
        contract_size=_limit(market.get("contractSize"), "the contract size"),
        price_significant_digits=digits,
    )


#: All that ccxt tells of a status is one bit.
_STATUS: Final[dict[Any, MarketStatusCode]] = {
    True: MarketStatusCode.ONLINE,
    False: MarketStatusCode.HALTED,
}


def _limit(value: Any, name: str) -> Decimal | None:
    return limit(None if value is None else str(value), name)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        message = f"it has no {what}"
        raise ValueError(message)
    return value


def _code(market: dict[str, Any], leg: str) -> Code:
    unified = _text(market.get(leg), f"{leg} code")
    return Code(str(market.get(f"{leg}Id") or unified), unified)


def _instant(milliseconds: Any) -> dt.datetime | None:
    if milliseconds in (None, "", 0, "0"):
        return None
    return dt.datetime.fromtimestamp(int(milliseconds) / 1000, dt.UTC)


def _step(value: Any, precision_mode: int, what: str) -> Decimal | None:
    if precision_mode == DECIMAL_PLACES and value not in (None, ""):
        return Decimal(1).scaleb(-int(value))
    return _limit(value, what)
