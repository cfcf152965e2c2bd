"""Rules that several kinds share. Each yields violations; none knows a kind. Pure."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from cqar_shared.domain import confusables
from cqar_shared.errors import FieldViolation

SYMBOL_CHARS_MAX: Final = 128
NAME_CHARS_MAX: Final = 256
#: What was asked of a source.
REQUEST_CHARS_MAX: Final = 512
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")
TEXT_CHARS_MAX: Final = 4_096
URL_CHARS_MAX: Final = 2_048
URLS_MAX: Final = 32
#: How far a caller's clock may be ahead of the writer's.
CLOCKS_APART: Final = dt.timedelta(minutes=5)

_NOT_PRINTABLE: Final = "holds characters that cannot be printed, or a joiner that joins nothing"
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_WORD: Final = re.compile(r"[!-~]{1,64}")
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def without_empty(entity: Any, *fields: str) -> Any:
    """Return an entity whose lists that are empty are None: not known, in message and table."""
    empty = {field: None for field in fields if getattr(entity, field) == ()}
    return msgspec.structs.replace(entity, **empty) if empty else entity


def unknown_number(field: str, number: int, values: type[enum.Enum]) -> FieldViolation:
    """The violation of a number that no member of an enum has; it names the contract's enum."""
    return FieldViolation(
        field, "UNKNOWN", f"{number} is no {values.__name__.removesuffix('Code')}"
    )


def is_older(given: Any, before: Any) -> bool:
    """Whether what is given was taken before what is there: then that stays."""
    newest = before.taken_at if before is not None else None
    return bool(newest and given.taken_at and given.taken_at < newest)


def check_taken(
    field: str, taken_at: dt.datetime | None, now: dt.datetime
) -> Iterator[FieldViolation]:
    """No answer was taken in the future, but for clocks that differ."""
    if taken_at is not None and taken_at > now + CLOCKS_APART:
        yield FieldViolation(field, "FUTURE", "has not come yet")


def check_required(entity: Any, *fields: str) -> Iterator[FieldViolation]:
    for field in fields:
        value = getattr(entity, field)
        if value is None or (isinstance(value, str) and is_blank(value)):
            yield FieldViolation(field, "REQUIRED", "is required")


def is_blank(text: str) -> bool:
    """Whether a text is empty, or only white space and unprintable characters.

    A text longer than `TEXT_CHARS_MAX` is not searched.
    """
    if text.isprintable():
        return not text.strip()
    return len(text) <= TEXT_CHARS_MAX and all(c.isspace() or not c.isprintable() for c in text)


def check_length(entity: Any, **chars_max: int) -> Iterator[FieldViolation]:
    for field, limit in chars_max.items():
        value = getattr(entity, field)
        if value is not None and len(value) > limit:
            yield FieldViolation(field, "TOO_LONG", f"has {len(value)} characters; at most {limit}")


def is_printable(text: str) -> bool:
    """Whether all characters are printable; joiners count where they join, as in emoji."""
    if text.isprintable():
        return True
    return confusables.all_join(text) and all(
        c.isprintable() or c in confusables.JOINERS for c in text
    )


def check_lines(entity: Any, *fields: str) -> Iterator[FieldViolation]:
    """Names fit in one line of a table. `check_length` refuses those that are too long."""
    for field in fields:
        value = getattr(entity, field)
        if not value or len(value) > NAME_CHARS_MAX:
            continue
        if not is_blank(value) and not is_printable(value):
            yield FieldViolation(field, "NOT_PRINTABLE", _NOT_PRINTABLE)


def check_past(entity: Any, now: dt.datetime, *fields: str) -> Iterator[FieldViolation]:
    """An end is recorded when it happens: before that the status would be wrong."""
    for field in fields:
        instant = getattr(entity, field)
        if instant is not None and instant > now + CLOCKS_APART:
            yield FieldViolation(field, "FUTURE", "has not come yet: record it when it does")


def not_after(now: dt.datetime, instant: dt.datetime | None) -> dt.datetime | None:
    """Move an end that is slightly ahead, by the caller's clock, to now."""
    if instant is None or instant > now + CLOCKS_APART:
        return instant
    return min(instant, now)


def check_printable(field: str, value: str) -> Iterator[FieldViolation]:
    """Printable Unicode, not empty, without surrounding white space.

    Real spellings contain `/ : . - _ ,`, spaces, Chinese characters and emoji. Nothing is folded.
    """
    if not value:
        yield FieldViolation(field, "REQUIRED", "is required")
    elif value != value.strip():
        yield FieldViolation(field, "WHITE_SPACE", "has white space around it")
    elif len(value) > SYMBOL_CHARS_MAX:
        yield FieldViolation(
            field, "TOO_LONG", f"has {len(value)} characters; at most {SYMBOL_CHARS_MAX}"
        )
    elif not is_printable(value):
        yield FieldViolation(field, "NOT_PRINTABLE", _NOT_PRINTABLE)


def check_words(field: str, words: Sequence[str], at_most: int) -> Iterator[FieldViolation]:
    """Check a list of short words, such as order types, none of them twice."""
    yield from check_distinct(field, words, at_most)
    if len(words) <= at_most and not all(map(_WORD.fullmatch, words)):
        message = "must be words of 1 to 64 printable ASCII characters"
        yield FieldViolation(field, "NOT_A_WORD", message)


def check_distinct(field: str, values: Sequence[str], at_most: int) -> Iterator[FieldViolation]:
    if len(values) > at_most:
        yield FieldViolation(field, "TOO_MANY", f"at most {at_most}")
    elif len(set(values)) < len(values):
        yield FieldViolation(field, "DUPLICATE", "names something twice")


def check_slug(field: str, value: str) -> Iterator[FieldViolation]:
    if not _SLUG.fullmatch(value):
        yield FieldViolation(
            field,
            "NOT_A_SLUG",
            "must be 1 to 64 lower-case letters, digits and inner hyphens, such as binance-usdm",
        )


def slug_of(name: str) -> str:
    """`BNB Smart Chain` -> `bnb-smart-chain`; empty if no letter or digit is left."""
    name = name[:NAME_CHARS_MAX].lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:64].strip("-")


def check_request(field: str, value: str) -> Iterator[FieldViolation]:
    """Check what was asked of a venue, such as its path with parameters."""
    if not value:
        yield FieldViolation(field, "REQUIRED", "is required")
    elif len(value) > REQUEST_CHARS_MAX:
        message = f"has {len(value)} characters; at most {REQUEST_CHARS_MAX}"
        yield FieldViolation(field, "TOO_LONG", message)


def check_answer(answer: Any, prefix: str, now: dt.datetime) -> Iterator[FieldViolation]:
    """Check an answer of a venue: what was asked, the hash of what came, and when."""
    yield from check_request(f"{prefix}request", answer.request)
    yield from check_sha256(f"{prefix}sha256", answer.sha256)
    yield from check_taken(f"{prefix}taken_at", answer.taken_at, now)


def check_sha256(field: str, value: str) -> Iterator[FieldViolation]:
    if not _SHA256_HEX.fullmatch(value):
        message = "must be a SHA-256 in lower-case hexadecimal"
        yield FieldViolation(field, "NOT_A_HASH", message)


def check_json_object(field: str, text: str, bytes_max: int) -> Iterator[FieldViolation]:
    """Check a text that states fields of a raw record."""
    if len(text.encode()) > bytes_max:
        yield FieldViolation(field, "TOO_LONG", f"at most {bytes_max} bytes")
        return
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        yield FieldViolation(field, "NOT_JSON", "must be a JSON object")


def is_uuid(value: str) -> bool:
    """Whether it is a UUID in canonical form; an id must not have two spellings."""
    return _UUID.fullmatch(value) is not None


def check_uuid(field: str, value: str) -> Iterator[FieldViolation]:
    if not is_uuid(value):
        yield FieldViolation(
            field, "NOT_A_UUID", "must be a UUID such as 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11"
        )


def check_urls(field: str, values: Iterable[str], *schemes: str) -> Iterator[FieldViolation]:
    for count, value in enumerate(values, 1):
        if count > URLS_MAX:
            yield FieldViolation(field, "TOO_MANY", f"at most {URLS_MAX}")
            return
        if not _is_url(value, schemes):
            yield FieldViolation(field, "NOT_A_URL", f"must be a URL of {'://, '.join(schemes)}://")


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    if len(value) > URL_CHARS_MAX:
        return False
    try:
        parts = urlsplit(value)
        good = parts.scheme in schemes and bool(parts.hostname)
    except ValueError:
        return False
    # urlsplit strips control characters instead of refusing them.
    return good and value.isprintable() and " " not in value


def check_url(entity: Any, *fields: str) -> Iterator[FieldViolation]:
    for field in fields:
        if value := getattr(entity, field):
            yield from check_urls(field, [value], "http", "https")


def check_positive(entity: Any, prefix: str, *fields: str) -> Iterator[FieldViolation]:
    """Steps and strikes: with zero every price would be valid, and division would fail."""
    for field in fields:
        value = getattr(entity, field)
        if value is not None and value <= 0:
            yield FieldViolation(prefix + field, "NOT_POSITIVE", "must be greater than zero")


def check_not_negative(entity: Any, prefix: str, *fields: str) -> Iterator[FieldViolation]:
    for field in fields:
        value = getattr(entity, field)
        if value is not None and value < 0:
            yield FieldViolation(prefix + field, "NEGATIVE", "must be zero or more")


def check_below(entity: Any, prefix: str, lower: str, upper: str) -> Iterator[FieldViolation]:
    low, high = getattr(entity, lower), getattr(entity, upper)
    if low is not None and high is not None and low > high:
        yield FieldViolation(prefix + lower, "MIN_ABOVE_MAX", f"must not exceed {upper}")


def check_rate(entity: Any, prefix: str, *fields: str) -> Iterator[FieldViolation]:
    """Fees are fractions: 0.001 is 0.1 %. A negative fee is a rebate."""
    for field in fields:
        value = getattr(entity, field)
        if value is not None and abs(value) > Decimal(1):
            yield FieldViolation(
                prefix + field, "OUT_OF_RANGE", "must lie in [-1, 1]: a fraction, not percent"
            )


def check_immutable(
    before: Any | None, after: Any, hint: str, *fields: str
) -> Iterator[FieldViolation]:
    """`fields` are named as in violations: a decimal may be `exact.tick_size`."""
    for field in fields:
        name = field.removeprefix("exact.")
        if before is not None and getattr(before, name) != getattr(after, name):
            yield FieldViolation(field, "IMMUTABLE", f"cannot change: {hint}")


class Period(Protocol):
    """[listed_at, delisted_at); an unknown beginning is open to the past."""

    @property
    def listed_at(self) -> dt.datetime | None: ...

    @property
    def delisted_at(self) -> dt.datetime | None: ...


def overlap(one: Period, other: Period) -> bool:
    """Whether both periods cover a common instant."""
    first = max((t for t in (one.listed_at, other.listed_at) if t), default=None)
    last = min((t for t in (one.delisted_at, other.delisted_at) if t), default=None)
    return first is None or last is None or first < last
