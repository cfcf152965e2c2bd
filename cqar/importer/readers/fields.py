"""Reads the texts of raw records: exact numbers, instants, known words. Pure and total.

Each function raises UnreadableRecord, with the field's name, for what it cannot read; None and
the empty text are None: the venue is silent.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Context, Decimal, DecimalException, Inexact
from typing import Final, TypeVar

import msgspec

from cqar.importer.market import UnreadableRecord
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.symbol import ContractKindCode

#: 10^-n; no venue has more decimals.
PLACES_MAX: Final = 30
#: A number with at most so many digits is read; an exponent may be written.
_NUMBER: Final = re.compile(r"[+-]?\d{1,60}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,18}", re.ASCII)
#: Instants before 2009 and after 2100 are placeholders or errors.
_FIRST: Final = dt.datetime(2009, 1, 1, tzinfo=dt.UTC)
_LAST: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)

W = TypeVar("W")

#: A comma between thousands, not one that stands for the decimal point.
_THOUSANDS: Final = re.compile(r",(?=\d{3}(?:\D|$))", re.ASCII)
_QUOTIENTS: Final = Context(prec=60, traps=[Inexact])


def number(text: str | None, field: str) -> Decimal | None:
    """A decimal, exactly as written; `1e-8` is as exact as 0.00000001."""
    if text is None or text == "":
        return None
    if not _NUMBER.fullmatch(text):
        raise UnreadableRecord(f"{field} is {text[:80]!r}: no number")
    try:
        return decimals.parse(decimals.plain(Decimal(text)))
    except ValueError as error:
        raise UnreadableRecord(f"{field} is {text[:80]!r}: {error}") from error


def positive(text: str | None, field: str) -> Decimal | None:
    """A step or a size that must be above zero if it is stated.

    Zero makes the record unreadable: where a venue writes zero for "none", use `limit`.
    """
    value = number(text, field)
    if value is not None and value <= 0:
        raise UnreadableRecord(f"{field} is {text}: it must be above zero")
    return value


def required(text: str | None, field: str) -> Decimal:
    """A step or a size above zero without which the market cannot be described."""
    value = positive(text, field)
    if value is None:
        raise UnreadableRecord(f"{field} is not stated")
    return value


def limit(text: str | None, field: str) -> Decimal | None:
    """A minimum or a maximum where the venue's documentation says that zero means none."""
    value = number(text, field)
    if value is not None and value < 0:
        raise UnreadableRecord(f"{field} is {text}: it must not be negative")
    return value or None


def rate(text: str | None, field: str) -> Decimal | None:
    """A fee or a margin as a fraction; a rebate is negative."""
    value = number(text, field)
    if value is not None and abs(value) > 1:
        raise UnreadableRecord(f"{field} is {text}: a rate is a fraction of at most 1")
    return value


def percent(text: str | None, field: str) -> Decimal | None:
    """A fee or a margin that is written in percent, as a fraction."""
    value = number(text, field)
    return rate(decimals.plain(value / 100), field) if value is not None else None


def places(text: str | None, field: str) -> Decimal | None:
    """The step that a count of decimal places means: 10^-n; n may be negative."""
    count = integer(text, field)
    if count is None:
        return None
    if abs(count) > PLACES_MAX:
        raise UnreadableRecord(f"{field} is {count}: at most {PLACES_MAX} decimal places")
    return decimals.parse(decimals.plain(Decimal(1).scaleb(-count)))


def integer(text: str | None, field: str) -> int | None:
    value = number(text, field)
    if value is None:
        return None
    if value != int(value) or abs(value) >= 10**18:
        raise UnreadableRecord(f"{field} is {text}: no whole number")
    return int(value)


def milliseconds(text: str | None, field: str) -> dt.datetime | None:
    """An instant counted in milliseconds; zero and the empty text are None."""
    return _instant(text, field, 1_000)


def seconds(text: str | None, field: str) -> dt.datetime | None:
    return _instant(text, field, 1)


def microseconds(text: str | None, field: str) -> dt.datetime | None:
    return _instant(text, field, 1_000_000)


def _instant(text: str | None, field: str, units: int) -> dt.datetime | None:
    count = integer(text, field)
    if not count:
        return None
    if count < 0:
        raise UnreadableRecord(f"{field} is {text}: no instant")
    try:
        whole, part = divmod(count, units)
        found = dt.datetime.fromtimestamp(whole, dt.UTC)
        return found + dt.timedelta(microseconds=part * (1_000_000 // units))
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableRecord(f"{field} is {text}: no instant") from error


def iso(text: str | None, field: str) -> dt.datetime | None:
    """An ISO 8601 instant with its time of day; without a zone it is UTC."""
    if not text:
        return None
    try:
        if "T" not in text and " " not in text:
            raise ValueError  # noqa: TRY301  (a day alone is no instant)
        found = dt.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableRecord(f"{field} is {text[:80]!r}: no instant") from error


def is_placeholder(instant: dt.datetime) -> bool:
    """Whether a date stands for "never" or "unknown": before 2009 or from 2100 on."""
    return not _FIRST <= instant < _LAST


def text(value: str | None, field: str) -> str:
    """A name that must be there."""
    if not value:
        raise UnreadableRecord(f"{field} is not stated")
    return value


def word(value: str | bool | None, field: str, known: Mapping[str, W]) -> W:
    """What a word means. One that nobody has read before is never the likeliest of the known.

    Raises:
        UnreadableRecord: It is missing or not known.
    """
    name = str(value).lower() if isinstance(value, bool) else value
    if name is None or name not in known:
        raise UnreadableRecord(f"{field} is {str(value)[:80]!r}: not a known word")
    return known[name]


def unless_placeholder(instant: dt.datetime | None) -> dt.datetime | None:
    """An instant, or None where it stands for "never" or "unknown"."""
    return None if instant is None or is_placeholder(instant) else instant


def kind_by_settlement(base: str, quote: str, settlement: str) -> ContractKindCode:
    """How a contract pays: LINEAR in its quote, INVERSE in its base, QUANTO in a third asset."""
    if settlement == quote:
        return ContractKindCode.LINEAR
    return ContractKindCode.INVERSE if settlement == base else ContractKindCode.QUANTO


def stated_word(
    value: str | bool | msgspec.UnsetType | None, field: str, known: Mapping[str, W]
) -> W | None:
    """What a word means, or None if the record does not have the field.

    Raises:
        UnreadableRecord: It is null or not known.
    """
    return None if value is msgspec.UNSET else word(value, field, known)


def exact_quotient(numerator: Decimal, denominator: Decimal | None, field: str) -> Decimal:
    """A quotient that a decimal can hold, such as 1 / 100,000; `field` names the denominator."""
    if not denominator:
        raise UnreadableRecord(f"{field} is {denominator}: nothing can be divided by it")
    try:
        return decimals.parse(decimals.plain(_QUOTIENTS.divide(numerator, denominator)))
    except (DecimalException, ValueError) as error:
        raise UnreadableRecord(f"{field} is {denominator}: the quotient has no end") from error


def split_once(value: str, separator: str, field: str) -> tuple[str, str]:
    """The two parts of a name that has its separator exactly once: `KRW-BTC`."""
    parts = value.split(separator)
    if len(parts) != 2 or not all(parts):
        raise UnreadableRecord(f"{field} is {value[:80]!r}: no two codes with one {separator!r}")
    return parts[0], parts[1]


def deviation(text: str | None, field: str) -> tuple[Decimal | None, Decimal | None]:
    """How many times a reference price a price may be at most and at least.

    Args:
        text: The largest deviation, as a fraction of the reference price. One of 1 or more sets
            no lower bound.
    """
    ratio = limit(text, field)
    if ratio is None:
        return None, None
    return 1 + ratio, (1 - ratio if ratio < 1 else None)


def required_instant(instant: dt.datetime | None, field: str) -> dt.datetime:
    """The instant that a future or an option must state as its end."""
    if instant is None or is_placeholder(instant):
        raise UnreadableRecord(f"{field} is {instant or 'not stated'}: no end of a contract")
    return instant


def whole_seconds(text: str | None, field: str, units: int) -> int | None:
    """A duration counted in units of so many seconds, in seconds; zero is None."""
    value = limit(text, field)
    return integer(decimals.plain(value * units), field) if value is not None else None


def amount_in(value: str | None, unit: str, field: str) -> Decimal | None:
    """A limit that is written with its unit: `20.0 USD`, `5,000,000 USDT`; zero means none.

    Raises:
        UnreadableRecord: It has another unit, or none.
    """
    if not value:
        return None
    amount, _, stated = value.partition(" ")
    if stated != unit:
        raise UnreadableRecord(f"{field} is {value[:80]!r}: not an amount in {unit}")
    return limit(_THOUSANDS.sub("", amount), field)
