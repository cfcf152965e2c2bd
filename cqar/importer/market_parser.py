"""ccxt turns a venue's answers into markets; every raw record is accounted for.

`fetch_markets`, not `load_markets`: the latter is keyed by unified symbol, and 304 Kraken
records became 293. One junk record kills Binance's whole answer and vanishes from Kraken's
without a word: so what cannot be read is found by halves, and what vanished by comparison.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from cqar.importer.corrections import CORRECTIONS
from cqar.importer.numbers import positive
from cqar.importer.parsed_market import AssetCode, ParsedMarket, RejectedRecord, UnreadableListing
from cqar.importer.provenance import drop_untraced, settle_untraced
from cqar.importer.recorded_responses import (
    FETCH_TYPES,
    RecordedResponses,
    Records,
    SavedResponse,
    name_of,
    records_in,
)
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


class VenueListing:
    """What a venue lists: parsed markets, and rejected records with the reason.

    Attributes:
        other_types: Number of markets by type, for types that belong to other venues here.
        unused: Files that no request read.
        records: Number of all records.
        taken_at: Time of the responses, if they state it.
    """

    def __init__(self) -> None:
        self.markets: list[ParsedMarket] = []
        self.rejected: list[RejectedRecord] = []
        self.other_types: dict[str, int] = {}
        self.unused: list[str] = []
        self.records = 0
        self.taken_at: dt.datetime | None = None


def read_listing(
    venue_id: str,
    ccxt_id: str,
    market_types: Iterable[str],
    saved: list[SavedResponse] | None,
    contracts: str | None = None,
) -> VenueListing:
    """Read a venue's listing from saved files, or (None) from the venue.

    Args:
        contracts: `linear` or `inverse`, where contracts of the other kind are another venue here.

    Raises:
        UnreadableListing: It is not this venue's listing, or the venue does not answer.
    """
    types = set(market_types)
    exchange = make_exchange(venue_id, ccxt_id, types)
    answers = RecordedResponses(exchange, saved)
    listing = VenueListing()
    markets = _markets(exchange, answers, listing)
    for market in markets:
        kind = str(market.get("type"))
        if kind in types and contracts and market.get("contract") and not market.get(contracts):
            kind = f"{'inverse' if market.get('inverse') else 'linear'} {kind}"
        if kind not in types:
            listing.other_types[kind] = listing.other_types.get(kind, 0) + 1
            continue
        try:
            parsed = drop_untraced(parse_market(market, exchange.precisionMode), market.get("info"))
            for correct in CORRECTIONS.get(ccxt_id, ()):
                parsed = correct(parsed)
            parsed = settle_untraced(parsed, ccxt_id)
        except (ValueError, KeyError) as error:
            listing.rejected.append(RejectedRecord(str(market.get("id")), str(error)))
        else:
            listing.markets.append(parsed)
    listing.taken_at = answers.taken_at
    _reject_doubles(listing)
    if not listing.markets:
        raise UnreadableListing(
            f"no market of {venue_id} is in it: {listing.records} records,"
            f" {len(listing.rejected)} rejected{_first_reason(listing)}{_others(listing)}"
        )
    return listing


def _first_reason(listing: VenueListing) -> str:
    if not listing.rejected:
        return ""
    first = listing.rejected[0]
    return f"; the first, {first.spelling}: {first.reason}"


def _others(listing: VenueListing) -> str:
    return "".join(
        f"; {n} {kind} markets are not its own" for kind, n in listing.other_types.items()
    )


def make_exchange(venue_id: str, ccxt_id: str, market_types: set[str]) -> Any:
    """A ccxt exchange that keeps numbers as the venue wrote them.

    Raises:
        UnreadableListing: ccxt, the optional extra, is not installed, or knows no such exchange.
    """
    try:
        import ccxt  # noqa: PLC0415  (2.3 s and 100 MB: only who imports a listing pays)
    except ImportError as error:
        raise UnreadableListing("importing needs ccxt: pip install 'cqar[import]'") from error
    if ccxt_id not in ccxt.exchanges:
        raise UnreadableListing(f"ccxt knows no exchange {ccxt_id!r}: correct the venue's ccxt_id")
    exchange = getattr(ccxt, ccxt_id)()
    exchange.number = str
    options = exchange.options.get("fetchMarkets")
    if isinstance(options, dict) and "types" in options:
        # Only what this venue id is for: BTCUSDT is two products across Binance's lists.
        wanted = [name for name in options["types"] if name in market_types]
        types = FETCH_TYPES.get(venue_id) or wanted or options["types"]
        exchange.options["fetchMarkets"] = {**options, "types": types}
    return exchange


def _markets(
    exchange: Any, answers: RecordedResponses, listing: VenueListing
) -> list[dict[str, Any]]:
    markets, error = _fetch(exchange)
    answers.require_used()
    listing.unused = answers.unused
    found = [records for box in answers.boxes if (records := records_in(box))]
    if not found:
        raise UnreadableListing(_nothing(exchange, error))
    listing.records = sum(len(records.records) for records in found)
    if error is not None:
        longest = max(found, key=lambda records: len(records.records))
        markets = _by_halves(exchange, longest, listing, longest.records)
    _reject_vanished(markets, found, listing)
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
    exchange: Any, where: Records, listing: VenueListing, records: list[Record]
) -> list[dict[str, Any]]:
    """Read what can be read of `records`: one bad one costs about 2 log2(n) readings."""
    where.put(records)
    markets, error = _fetch(exchange)
    if error is None:
        return markets
    if len(records) == 1:
        reason = f"ccxt cannot read it: {type(error).__name__}: {str(error)[:200]}"
        listing.rejected.append(RejectedRecord(records[0][0], reason))
        return []
    half = len(records) // 2
    first = _by_halves(exchange, where, listing, records[:half])
    return first + _by_halves(exchange, where, listing, records[half:])


def _reject_vanished(
    markets: list[dict[str, Any]], found: list[Records], listing: VenueListing
) -> None:
    """Records that ccxt passed over.

    Answers none of whose records became markets are not listings (Kraken's Assets).
    """
    read = {id(market["info"]) for market in markets} | {
        name_of(market["info"]) for market in markets if isinstance(market["info"], dict)
    }
    ids = {market["id"] for market in markets}
    known = {rejected.spelling for rejected in listing.rejected}
    # A single answer is the listing, even if nothing was read from it.
    single = len(found) == 1
    for records in found:
        gone = [
            name
            for name, record in records.records
            if id(record) not in read and name not in ids and name not in read
        ]
        if single or len(gone) < len(records.records):
            listing.rejected += [
                RejectedRecord(name, "ccxt reads no market from it")
                for name in gone
                if name not in known
            ]


def _reject_doubles(listing: VenueListing) -> None:
    """Two records of one spelling: neither can be trusted."""
    # One file may have answered several requests: the very same record is no double.
    by_record = {id(market.raw) if market.raw else id(market): market for market in listing.markets}
    counts = Counter(market.spelling for market in by_record.values())
    doubles = {spelling for spelling, count in counts.items() if count > 1}
    listing.markets = [m for m in by_record.values() if m.spelling not in doubles]
    listing.rejected += [
        RejectedRecord(spelling, "the listing names it more than once")
        for spelling in sorted(doubles)
    ]


def parse_market(market: dict[str, Any], precision_mode: int) -> ParsedMarket:
    """One of ccxt's markets in our words.

    Raises:
        ValueError: A part of it cannot be what it should be.
    """
    limits = market.get("limits") or {}
    amount, cost = limits.get("amount") or {}, limits.get("cost") or {}
    precision = market.get("precision") or {}
    price, lot = precision.get("price"), precision.get("amount")
    digits = int(price) if price and precision_mode == SIGNIFICANT_DIGITS else None
    return ParsedMarket(
        spelling=_text(market.get("id"), "an id"),
        symbol_type=SYMBOL_TYPES[market["type"]],
        base=_code(market, "base"),
        quote=_code(market, "quote"),
        settle=_code(market, "settle") if market.get("settle") else None,
        # Deribit's perpetuals carry an expiration far away: they have none.
        expiry=None if market["type"] == "swap" else _instant(market.get("expiry")),
        strike=positive(market.get("strike"), "the strike"),
        option_type=OptionTypeCode[str(market["optionType"]).upper()]
        if market.get("optionType")
        else None,
        status=MarketStatusCode.HALTED
        if market.get("active") is False
        else MarketStatusCode.ONLINE,
        tick_size=None if digits else _step(price, precision_mode, "the price step"),
        lot_size=_step(lot, TICK_SIZE if digits else precision_mode, "the quantity step"),
        min_order_size=positive(amount.get("min"), "the minimum quantity"),
        max_order_size=positive(amount.get("max"), "the maximum quantity"),
        min_notional=positive(cost.get("min"), "the minimum notional"),
        contract_size=positive(market.get("contractSize"), "the contract size"),
        price_significant_digits=digits,
        is_status_stated=market.get("active") is not None,
        raw=market["info"] if isinstance(market.get("info"), dict) else {},
    )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        message = f"it has no {what}"
        raise ValueError(message)
    return value


def _code(market: dict[str, Any], leg: str) -> AssetCode:
    unified = _text(market.get(leg), f"{leg} code")
    return AssetCode(str(market.get(f"{leg}Id") or unified), unified)


def _instant(milliseconds: Any) -> dt.datetime | None:
    if milliseconds in (None, "", 0, "0"):
        return None
    return dt.datetime.fromtimestamp(int(milliseconds) / 1000, dt.UTC)


def _step(value: Any, precision_mode: int, what: str) -> Decimal | None:
    if precision_mode == DECIMAL_PLACES and value not in (None, ""):
        return Decimal(1).scaleb(-int(value))
    return positive(value, what)
