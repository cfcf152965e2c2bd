"""What differs between two dated files of a venue, by the raw records and the documentation alone.

The records' values are those of `tests/readers/oracles`, which read raw JSON by the venue's own
documentation. Here stands what docs/IMPORTING.md says of a difference: which kind it has, and
whether it is applied or a person decides it. Nothing of `cqar.importer` is used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

#: What a raw record states, by field; a field that is absent is not stated.
Fields = Mapping[str, Any]
Records = Mapping[str, Fields]

LISTED: Final = "LISTED"
ENDED: Final = "ENDED"
MISSING: Final = "SOURCE_MISSING"
UNREADABLE: Final = "UNREADABLE"
APPLIED: Final = "APPLIED"
#: An applied end that is to come is noted as a finding, too.
END_ANNOUNCED: Final = "END_ANNOUNCED"

#: Steps and minimums: finer is applied, coarser is decided.
STEPS: Final = (
    *("tick_size", "lot_size", "min_order_size", "market_lot_size", "market_min_size"),
    *("min_notional", "market_min_notional"),
)
#: More than so many times finer is decided, too.
FINER_MAX: Final = 10
#: What two people decide, by field.
TWO_PEOPLE: Final = {
    "contract_size": "CONTRACT_SIZE",
    "order_unit": "ORDER_UNIT",
    "unit_multiplier": "MULTIPLIER",
}
#: Terms that are applied, whatever they become: field of a record -> field of a listing.
TERMS: Final = {
    name: name
    for name in (
        *("maker_fee", "taker_fee", "max_order_size", "market_max_size", "market_max_notional"),
        *("min_price", "max_price", "bid_multiplier_up", "bid_multiplier_down"),
        *("ask_multiplier_up", "ask_multiplier_down", "price_significant_digits"),
        *("max_leverage", "initial_margin_rate", "maintenance_margin_rate"),
        *("funding_interval_s", "order_types", "time_in_force", "permission_groups"),
        *("quote_alternatives", "trading_starts_at"),
    )
} | {"max_notional": "max_order_value"}
#: An upper bound, and the lower one that it must not fall below while that waits for people.
LOWER_BOUND_OF: Final = {"max_order_size": "min_order_size", "market_max_size": "market_min_size"}


class Difference(NamedTuple):
    """One difference of one spelling.

    Attributes:
        what: LISTED, ENDED, SOURCE_MISSING, UNREADABLE, END_ANNOUNCED; APPLIED for a term that
            is taken; else the kind of the finding that a person decides.
        field: Of the listing; empty where the listing itself comes or goes.
    """

    spelling: str
    what: str
    field: str = ""


class Answer(NamedTuple):
    """A file as an answer.

    Attributes:
        at: When it was taken.
        covers: Whether the request that it answers would have named a record.
    """

    records: Records
    at: dt.datetime
    covers: Callable[[Fields], bool] = lambda _: True


def differences(before: Answer, after: Answer) -> Iterator[Difference]:
    """Every difference, once."""
    known = {name: fields for name, fields in before.records.items() if _is_open(fields, before.at)}
    for spelling, fields in known.items():
        yield from _of_known(spelling, fields, before.at, after)
    for spelling, fields in after.records.items():
        former = before.records.get(spelling)
        if _is_market(fields) and spelling not in known and _is_new(former, fields, before.at):
            yield from (Difference(name, LISTED) for name in (spelling, *aliases_of(fields)))


def _is_market(fields: Fields) -> bool:
    return "unsupported" not in fields and "unreadable" not in fields


def _is_open(fields: Fields, at: dt.datetime) -> bool:
    """Whether the record is of a market that has not ended."""
    return _is_market(fields) and not _is_over(fields, at)


def _is_new(former: Fields | None, now: Fields, known_at: dt.datetime) -> bool:
    """Whether a listing that is not open is another one than what had ended already.

    What has begun and ended between two answers is listed, too: for questions of its time.
    """
    if former is None or not _is_market(former):
        return True
    return now.get("status") != "DELISTED" or _is_dated_after(now, known_at)


def _is_over(fields: Fields, at: dt.datetime) -> bool:
    end = _end(fields)
    return fields.get("status") == "DELISTED" or (end is not None and end <= at)


def _end(fields: Fields) -> dt.datetime | None:
    """The end that the record states, past or to come."""
    end: dt.datetime | None = fields.get("expiry") or fields.get("ends_at")
    return end


def aliases_of(fields: Fields) -> set[str]:
    """Other spellings of the market, each a listing of its own."""
    return {alias[0] for alias in fields.get("aliases") or ()}


def _of_known(
    spelling: str, fields: Fields, known_at: dt.datetime, after: Answer
) -> Iterator[Difference]:
    now = after.records.get(spelling)
    if _is_over(fields, after.at):
        # Its end was announced: it ended without another answer.
        if now is not None and _is_market(now) and _is_new(fields, now, known_at):
            yield from (Difference(name, LISTED) for name in (spelling, *aliases_of(now)))
    elif now is not None and "unreadable" in now:
        yield Difference(spelling, UNREADABLE)
    elif now is None or "unsupported" in now:
        if after.covers(fields):
            yield Difference(spelling, MISSING)
    elif _is_anew(fields, now, known_at):
        yield from (Difference(name, ENDED) for name in (spelling, *aliases_of(fields)))
        if not _is_over(now, after.at):
            yield from (Difference(name, LISTED) for name in (spelling, *aliases_of(now)))
    elif _is_over(now, after.at):
        yield from (Difference(name, ENDED) for name in (spelling, *aliases_of(fields)))
    else:
        yield from _of_terms(spelling, fields, now)


def _is_anew(before: Fields, after: Fields, known_at: dt.datetime) -> bool:
    """Whether it is another listing: dated after it was known, or of another coin by its name."""
    if before.get("listed_at") and _is_dated_after(after, known_at):
        return True
    names = [_name(*fields["base"]) for fields in (before, after)]
    return all(names) and not _are_alike(*names)


def _name(_: str, ticker: str, name: str | None) -> str:
    """A coin's full name; what is spelled like the ticker is none."""
    return "" if name in (None, ticker) else name.casefold()


def _are_alike(one: str, other: str) -> bool:
    """Whether names have a word or a beginning in common."""
    joined = sorted((one.replace(" ", ""), other.replace(" ", "")), key=len)
    return bool(set(one.split()) & set(other.split())) or joined[1].startswith(joined[0])


def _is_dated_after(fields: Fields, known_at: dt.datetime) -> bool:
    listed_at = fields.get("listed_at")
    return listed_at is not None and listed_at > known_at


def _of_terms(spelling: str, before: Fields, after: Fields) -> Iterator[Difference]:
    decided = dict(_decided(before, after))
    yield from (Difference(spelling, kind, field) for field, kind in decided.items())
    for field in STEPS:
        if field not in decided and before.get(field) != after.get(field):
            yield Difference(spelling, APPLIED, field)
    for field, name in TERMS.items():
        if before.get(field) != after.get(field) and not _waits(field, before, after, decided):
            yield Difference(spelling, APPLIED, name)
    # What states no status is taken to be traded.
    if before.get("status", "ONLINE") != after.get("status", "ONLINE"):
        for name in (spelling, *(aliases_of(before) & aliases_of(after))):
            yield Difference(name, APPLIED, "status")
    yield from (Difference(name, LISTED) for name in aliases_of(after) - aliases_of(before))
    yield from (Difference(name, ENDED) for name in aliases_of(before) - aliases_of(after))
    if _end(before) != _end(after):
        yield Difference(spelling, END_ANNOUNCED)
        yield Difference(spelling, APPLIED, "delisted_at")


def _decided(before: Fields, after: Fields) -> Iterator[tuple[str, str]]:
    """Fields that people decide, with the kind of the finding."""
    for field in STEPS:
        if _is_for_people(before.get(field), after.get(field)):
            yield field, "STEPS_COARSER"
    for field, kind in TWO_PEOPLE.items():
        # What is stated for the first time contradicts nothing.
        if before.get(field) is not None and before[field] != after.get(field):
            yield field, kind


def _is_for_people(before: Decimal | None, after: Decimal | None) -> bool:
    """Coarser, more than ten times finer, or no longer stated."""
    if before is None or before == after:
        return False
    return after is None or after > before or after * FINER_MAX < before


def _waits(field: str, before: Fields, after: Fields, decided: Mapping[str, str]) -> bool:
    """Whether an upper bound would fall below a lower one that waits."""
    lower = LOWER_BOUND_OF.get(field, "")
    bound, upper = before.get(lower), after.get(field)
    return lower in decided and bound is not None and upper is not None and upper < bound
