"""Reads a venue's answers with its reader: every raw record has one outcome. Pure.

MARKET, UNSUPPORTED (understood, and not expressible) or UNREADABLE (with the reason): the three
add up to the number of records. Whatever JSON stands in a record, reading it gives one of them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from cqar.importer.market import Currency, Market, UnreadableRecord, UnsupportedRecord
from cqar.importer.readers.product_line import (
    Answer,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
)
from cqar.importer.record_fields import new_fields, require_known_parts
from cqar.importer.saved_answers import (
    DecodedAnswer,
    UnusableAnswer,
    match_answers,
    newest,
)
from cqar.importer.side_answers import NotRead, first_answered, read_currencies, read_prices
from cqar_shared.domain import rules
from cqar_shared.domain.kinds.symbol import SymbolTypeCode

RECORDS_MAX: Final = 500_000
SPELLING_CHARS_MAX: Final = 128
_REASON_CHARS_MAX: Final = 300


class Unreadable(NamedTuple):
    """A record that could not be read, and why."""

    name: str
    reason: str


class AnswerSource(NamedTuple):
    """An answer that a reading took, for evidence."""

    request: str
    sha256: str
    taken_at: dt.datetime | None


class Reading:
    """What a venue's answers say.

    Attributes:
        reader: Who read them, for evidence: `binance-usdm/3`, or `ccxt, unreviewed`.
        is_reviewed: Whether a reader of ours read them.
        markets: In the order of the records.
        raw: Spelling -> its raw record, and the shape that its reader gave it, of markets.
        unread: Name -> the same of a record that cannot be read.
        new_fields: Field that the reader does not know -> number of records that have it.
        sources: The answers that were used.
        unused: Names of files that answer no request of the venue.
        incomplete: Why the answers do not hold everything; then nothing is missing from them.
        other_types: Type -> number of markets that belong to other venues here.
        untraced: Spelling -> terms that ccxt states and no field of the record does, with ccxt's
            values.
        status_unstated: Number of markets whose record states no status.
        plain_code: The code that another one of the venue is a form of; by itself, the code.
        currencies: Code -> what the venue's list of currencies says of it.
        prices: Spelling -> its last price, in the venue's own units of price, as tickers that were
            taken with the listing (or the listing itself) state it.
        prices_from: The answer that they are from.
        currencies_from: The answers that the currencies are from.
        currency_outcomes, price_outcomes: Outcome -> number of raw records beside the listing.
        new_currency_fields: As `new_fields`, of currencies.
        unreadable_currencies, unreadable_prices: Those that could not be read, and why.
        refused: Lines for people about answers beside the listing that were not read at all.
    """

    def __init__(self, reader: str, symbol_types: frozenset[SymbolTypeCode]) -> None:
        self.reader = reader
        self.symbol_types = symbol_types
        self.is_reviewed = True
        self.other_types: dict[str, int] = {}
        self.untraced: dict[str, dict[str, Decimal | int]] = {}
        self.markets: list[Market] = []
        self.raw: dict[str, tuple[Any, type[RawRecord] | None]] = {}
        self.unread: dict[str, tuple[Any, type[RawRecord] | None]] = {}
        self.unsupported: list[UnsupportedRecord] = []
        self.unreadable: list[Unreadable] = []
        self.records = 0
        self.new_fields: Counter[str] = Counter()
        self.sources: list[AnswerSource] = []
        self.unused: list[str] = []
        self.incomplete: list[str] = []
        self.plain_code: Callable[[str], str] = str
        self.taken_at: dt.datetime | None = None
        self.covered: list[tuple[Form[Any], Request, list[Answer]]] = []
        self.currencies: dict[str, Currency] = {}
        self.prices: dict[str, Decimal] = {}
        self.prices_from: AnswerSource | None = None
        self.currencies_from: list[AnswerSource] = []
        self.currency_outcomes: Counter[str] = Counter()
        self.new_currency_fields: Counter[str] = Counter()
        self.price_outcomes: Counter[str] = Counter()
        self.unreadable_currencies: list[Unreadable] = []
        self.unreadable_prices: list[Unreadable] = []
        self.refused: list[str] = []

    @property
    def status_unstated(self) -> int:
        return sum(market.status is None for market in self.markets)

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of records by outcome; they add up to `records`."""
        return {
            "MARKET": len(self.markets),
            "UNSUPPORTED": len(self.unsupported),
            "UNREADABLE": len(self.unreadable),
        }

    def priced_at(self, at: dt.datetime) -> dt.datetime | None:
        """When the prices were taken; None if there are none.

        Args:
            at: The instant of the answers, where the tickers state none.
        """
        return None if self.prices_from is None else self.prices_from.taken_at or at

    def covers(self, spelling: str, symbol_type: SymbolTypeCode) -> bool:
        """Whether the answers would hold this spelling if the venue listed it."""
        if self.incomplete:
            return False
        for form, request, answers in self.covered:
            types = form.types.get(request, self.symbol_types)
            if symbol_type not in types:
                continue
            for answer in answers:
                narrowed = {k: v for k, v in answer.query.items() if k in request.narrows}
                if not narrowed or form.covers(narrowed, spelling, symbol_type):
                    return True
        return False


def read_answers(
    line: ProductLine,
    decoded: Iterable[DecodedAnswer],
    tickers: Iterable[DecodedAnswer] = (),
    at: dt.datetime | None = None,
) -> Reading:
    """Read a venue's answers.

    Args:
        decoded: Of the listing and of currencies.
        tickers: Of prices.
        at: When they were taken, if that was stated.

    Raises:
        UnusableAnswer: The answers are not this venue's listing. Says which requests it has.
    """
    all_answers = list(decoded)
    matched, unused = match_answers(all_answers, (*line.requests, *line.currency_requests))
    answers = {request: given for request, given in matched.items() if request in line.requests}
    reading = Reading(line.reader, line.symbol_types)
    reading.unused = unused
    reading.plain_code = line.plain_code
    names = {answer.name for found in answers.values() for answer in found}
    reading.sources = _sources(all_answers, names)
    reading.taken_at = newest(all_answers, dict.fromkeys(names))
    forms = [form for form in line.forms if any(request in answers for request in form.lists)]
    if not forms:
        raise UnusableAnswer(_no_request(line, unused))
    for form in forms:
        _read_form(reading, line.venue_id, form, answers)
    refuse_doubles(reading)
    _add_currencies(reading, line, matched, all_answers)
    _add_prices(reading, line, answers, [*tickers], all_answers, at)
    return reading


def _sources(decoded: Iterable[DecodedAnswer], names: Iterable[str]) -> list[AnswerSource]:
    used = frozenset(names)
    return [AnswerSource(a.name, a.sha256, a.taken_at) for a in decoded if a.name in used]


def _add_currencies(
    reading: Reading,
    line: ProductLine,
    answers: Mapping[Request, list[Answer]],
    decoded: list[DecodedAnswer],
) -> None:
    form = first_answered(line.currencies, answers)
    if form is None:
        return
    found = read_currencies(form, answers)
    reading.currencies = found.found
    reading.currency_outcomes = Counter(
        {"CURRENCY": len(found.found), "UNREADABLE": len(found.unreadable)}
    )
    reading.new_currency_fields = found.new_fields
    reading.unreadable_currencies = _printable(found.unreadable)
    reading.refused += found.refused
    reading.currencies_from = _sources(
        decoded, (a.name for request in form.requests for a in answers.get(request, ()))
    )


def _add_prices(
    reading: Reading,
    line: ProductLine,
    listing: Mapping[Request, list[Answer]],
    tickers: list[DecodedAnswer],
    decoded: list[DecodedAnswer],
    at: dt.datetime | None,
) -> None:
    """Read the tickers that were given; else the prices that the listing itself holds.

    Those of a listing count only if it was taken at a stated time: whoever imports a saved listing
    as the present need not mean that its prices are of now.
    """
    given, unused = match_answers(tickers, line.ticker_requests)
    reading.unused += unused
    form = first_answered(line.prices, given)
    is_carried = form is None
    answers, sources = (listing, decoded) if is_carried else (given, tickers)
    form = form or first_answered(line.prices, listing)
    if form is None:
        return
    found = read_prices(form, answers, reading.markets)
    names = {a.name for request in form.requests for a in answers.get(request, ())}
    taken_at = newest(sources, dict.fromkeys(names)) or found.newest or at
    if is_carried and taken_at is None:
        return
    reading.prices = found.found
    reading.price_outcomes = found.outcomes
    reading.unreadable_prices = _printable(found.unreadable)
    reading.refused += found.refused
    first = next(iter(_sources(sources, names)), None)
    reading.prices_from = first._replace(taken_at=taken_at) if first is not None else None


def _printable(rows: Iterable[NotRead]) -> list[Unreadable]:
    return [
        Unreadable(printable_name(row.name), printable_name(row.reason, _REASON_CHARS_MAX))
        for row in rows
    ]


def _no_request(line: ProductLine, unused: list[str]) -> str:
    asked = ", ".join(line.file_name(r) for form in line.forms for r in form.lists)
    given = f"no request is answered by {', '.join(unused)}; " if unused else ""
    return (
        f"{given}{line.venue_id} is asked for: {asked}."
        " Name a file by the request that it answers: --file NAME=PATH"
    )


def _read_form(
    reading: Reading, venue_id: str, form: Form[Any], answers: Mapping[Request, list[Answer]]
) -> None:
    own = {r: answers[r] for r in (*form.lists, *form.also) if r in answers}
    for request in form.lists:
        if request in own:
            reading.covered.append((form, request, own[request]))
    try:
        for row in form.rows(own):
            reading.records += 1
            if reading.records > RECORDS_MAX:
                raise UnusableAnswer(f"the answers hold more than {RECORDS_MAX} records")
            read_row(reading, form, row)
        reason = form.incomplete(own)
    except NotTheAnswer as error:
        names = ", ".join(answer.name for found in own.values() for answer in found)
        raise UnusableAnswer(
            f"{names}: not the answer of {venue_id} that it was named: {error}"
        ) from error
    if reason:
        reading.incomplete.append(reason)


def read_row(reading: Reading, form: Form[Any], row: Row) -> None:
    name = printable_name(row.name)
    try:
        record = msgspec.convert(row.record, form.record)
        require_known_parts(row.record, form.record)
        found = form.read(record)
        if isinstance(found, Market):
            require_sound(found)
    except (UnreadableRecord, msgspec.ValidationError, UnicodeEncodeError) as error:
        # A lone surrogate is a text to JSON and to nothing else.
        reading.unreadable.append(Unreadable(name, printable_name(str(error), _REASON_CHARS_MAX)))
        reading.unread[name] = (row.record, form.record)
        return
    reading.new_fields.update([*new_fields(row.record, form.record), *record.new_parts()])
    if isinstance(found, UnsupportedRecord):
        reading.unsupported.append(found)
    else:
        reading.markets.append(found)
        reading.raw[found.spelling] = (row.record, form.record)


def printable_name(name: str, chars_max: int = SPELLING_CHARS_MAX) -> str:
    """A record's name as messages may show it."""
    shown = "".join(c if c.isprintable() else "?" for c in str(name)[:chars_max])
    return shown or "?"


def require_sound(market: Market) -> None:
    """Refuse what no market can be, whatever the reader made of it."""
    for spelling in (market.spelling, *(alias.spelling for alias in market.aliases)):
        if not spelling or len(spelling) > SPELLING_CHARS_MAX or not spelling.isprintable():
            raise UnreadableRecord(f"the spelling {printable_name(spelling)!r} cannot be one")
    for code in (market.base, market.quote, market.settlement):
        if code is not None and list(rules.check_printable("code", code.venue)):
            raise UnreadableRecord(f"the code {printable_name(code.venue)!r} cannot be one")
    if market.base.venue == market.quote.venue and market.price is None:
        raise UnreadableRecord(f"base and quote are both {market.base.venue}")


def refuse_doubles(reading: Reading) -> None:
    """Two records of one spelling: neither can be trusted."""
    counts = Counter(market.spelling for market in reading.markets)
    doubles = {spelling for spelling, count in counts.items() if count > 1}
    if not doubles:
        return
    twice = [market.spelling for market in reading.markets if market.spelling in doubles]
    reading.markets = [m for m in reading.markets if m.spelling not in doubles]
    reason = "the answers name it more than once"
    reading.unreadable += [Unreadable(spelling, reason) for spelling in twice]
    for spelling in doubles:
        reading.unread[spelling] = reading.raw.pop(spelling)
