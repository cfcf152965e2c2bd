"""What makes the terms of a listing valid, and the parts that they are made of. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec

from cqar_shared.domain import decimals, rules
from cqar_shared.domain.kind import RegistryView
from cqar_shared.errors import FieldViolation

TICK_BANDS_MAX: Final = 64
SCHEDULED_MAX: Final = 64
PHASES_MAX: Final = 16
PERMISSION_SETS_MAX: Final = 8
PERMISSION_GROUPS_MAX: Final = 512
WORDS_MAX: Final = 64
LEGS_MAX: Final = 32
DOUBTS_MAX: Final = 8
#: A longer interval than any venue's: a month.
FUNDING_INTERVAL_S_MAX: Final = 31 * 86_400

#: Terms that are greater than zero: steps, sizes of which zero would mean nothing, multipliers.
_POSITIVE: Final = (
    *("tick_size", "lot_size", "contract_size", "unit_multiplier", "max_leverage"),
    *("max_order_size", "max_order_value", "market_lot_size", "market_max_size"),
    *("market_max_notional", "bid_multiplier_up", "ask_multiplier_up"),
)
_NOT_NEGATIVE: Final = (
    *("min_order_size", "min_order_value", "min_notional", "market_min_size"),
    *("market_min_notional", "bid_multiplier_down", "ask_multiplier_down"),
    *("initial_margin_rate", "maintenance_margin_rate"),
)
#: (lower, upper): the first does not exceed the second.
BOUNDS: Final = (
    ("min_order_size", "max_order_size"),
    ("min_order_value", "max_order_value"),
    ("market_min_size", "market_max_size"),
    ("market_min_notional", "market_max_notional"),
    ("min_price", "max_price"),
    ("bid_multiplier_down", "bid_multiplier_up"),
    ("ask_multiplier_down", "ask_multiplier_up"),
)
_RATES: Final = (
    *("maker_fee", "taker_fee"),
    *("initial_margin_rate", "maintenance_margin_rate"),
)
_DOUBT: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
#: Number of the symbol type COMBO; kinds are not imported here.
_COMBO: Final = 100
_EXACT: Final = "exact."


class ScheduledTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A term's value from an instant on, as a venue announced it.

    Attributes:
        field: A decimal term such as `tick_size`, or `status`.
        value: A plain decimal, or a status's name.
    """

    effective_at: dt.datetime | None = None
    field: str = ""
    value: str = ""


class PermissionGroups(msgspec.Struct, frozen=True, kw_only=True):
    """An account needs one of these groups."""

    groups: tuple[str, ...] = ()


class CombinationLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg: a spelling at the same venue, and how many of it one combination buys."""

    venue_symbol: str = ""
    ratio: Decimal = Decimal(0)


def check_terms(after: Any) -> Iterator[FieldViolation]:
    """Check the terms that are numbers or words."""
    yield from _check_decimals(after)
    if after.price_significant_digits is not None and not 1 <= after.price_significant_digits <= 30:
        yield FieldViolation("price_significant_digits", "OUT_OF_RANGE", "must be 1 to 30")
    interval_s = after.funding_interval_s
    if interval_s is not None and not 0 < interval_s <= FUNDING_INTERVAL_S_MAX:
        message = f"must be 1 to {FUNDING_INTERVAL_S_MAX} seconds"
        yield FieldViolation("funding_interval_s", "OUT_OF_RANGE", message)
    yield from _check_bands(after)
    codes = after.quote_alternatives or ()
    yield from rules.check_distinct("quote_alternatives", codes, WORDS_MAX)
    for code in codes[:WORDS_MAX]:
        yield from rules.check_printable("quote_alternatives", code)
    for field in ("order_types", "time_in_force"):
        words = getattr(after, field) or ()
        yield from rules.check_words(field, words, WORDS_MAX)
        if any(word != word.upper() for word in words):
            yield FieldViolation(field, "NOT_UPPER_CASE", "words of a venue are in upper case")
    yield from _check_permissions(after.permission_groups or ())
    yield from _check_doubts(after.doubts or ())


def _check_decimals(after: Any) -> Iterator[FieldViolation]:
    yield from rules.check_rate(after, _EXACT, *_RATES)
    yield from rules.check_positive(after, _EXACT, *_POSITIVE)
    yield from rules.check_not_negative(after, _EXACT, *_NOT_NEGATIVE)
    for lower, upper in BOUNDS:
        yield from rules.check_below(after, _EXACT, lower, upper)


def _check_bands(after: Any) -> Iterator[FieldViolation]:
    if after.tick_bands and after.tick_size is not None:
        message = "stands in the bands: the first one's is also below it"
        yield FieldViolation("exact.tick_size", "NOT_APPLICABLE", message)
    if len(after.tick_bands) > TICK_BANDS_MAX:
        yield FieldViolation("tick_bands", "TOO_MANY", f"at most {TICK_BANDS_MAX}")
    starts = [band.from_price for band in after.tick_bands]
    if starts != sorted(set(starts)) or any(start < 0 for start in starts):
        yield FieldViolation("tick_bands", "NOT_ASCENDING", "prices must ascend from zero or more")
    if any(band.tick_size <= 0 for band in after.tick_bands):
        yield FieldViolation("tick_bands", "NOT_POSITIVE", "ticks must be greater than zero")


def _check_permissions(sets: Collection[PermissionGroups]) -> Iterator[FieldViolation]:
    if len(sets) > PERMISSION_SETS_MAX:
        message = f"at most {PERMISSION_SETS_MAX} sets"
        yield FieldViolation("permission_groups", "TOO_MANY", message)
        return
    for place, one in enumerate(sets):
        field = f"permission_groups[{place}].groups"
        if not one.groups:
            yield FieldViolation(field, "REQUIRED", "no account has a group of an empty set")
        yield from rules.check_words(field, one.groups, PERMISSION_GROUPS_MAX)


def _check_doubts(doubts: Sequence[str]) -> Iterator[FieldViolation]:
    yield from rules.check_words("doubts", doubts, DOUBTS_MAX)
    if not all(map(_DOUBT.fullmatch, doubts)):
        message = "must be upper-case words such as SOURCE_MISSING"
        yield FieldViolation("doubts", "NOT_A_REASON", message)


def check_parts(
    after: Any, registry: RegistryView, channels: Collection[str]
) -> Iterator[FieldViolation]:
    """Check the phases, the legs, and the channels of an alias.

    Args:
        channels: The channels that there are.
    """
    phases = after.phases or ()
    if len(phases) > PHASES_MAX:
        yield FieldViolation("phases", "TOO_MANY", f"at most {PHASES_MAX}")
        return
    for place, phase in enumerate(phases):
        if phase.status is None:
            yield FieldViolation(f"phases[{place}].status", "REQUIRED", "is required")
        if phase.starts_at and phase.ends_at and phase.starts_at >= phase.ends_at:
            message = "must be later than starts_at"
            yield FieldViolation(f"phases[{place}].ends_at", "NOT_AFTER_START", message)
    if after.channels and not after.alias_of:
        yield FieldViolation("channels", "NOT_APPLICABLE", "only an alias has them")
    for word in after.channels or ():
        if word not in channels:
            known = ", ".join(channels)
            yield FieldViolation("channels", "UNKNOWN", f"{word!r} is none of {known}")
    if after.legs:
        symbol = registry.get("symbol", after.symbol_id)
        is_combo = symbol is None or symbol.symbol_type == _COMBO
        yield from _check_legs(after, is_combo=is_combo)


def _check_legs(after: Any, *, is_combo: bool) -> Iterator[FieldViolation]:
    """Check the legs of a listing, which only a combination has.

    Args:
        is_combo: Whether its symbol is a combination.
    """
    legs = after.legs or ()
    if legs and not is_combo:
        yield FieldViolation("legs", "NOT_APPLICABLE", "only a combination has legs")
    if len(legs) > LEGS_MAX:
        yield FieldViolation("legs", "TOO_MANY", f"at most {LEGS_MAX}")
        return
    for place, leg in enumerate(legs):
        yield from rules.check_printable(f"legs[{place}].venue_symbol", leg.venue_symbol)
        if leg.ratio == 0:
            yield FieldViolation(f"legs[{place}].ratio", "ZERO", "a leg of ratio zero is none")
    if len({leg.venue_symbol for leg in legs}) < len(legs):
        yield FieldViolation("legs", "DUPLICATE", "names a leg twice")


def check_scheduled(
    after: Any, terms: Collection[str], statuses: Collection[str]
) -> Iterator[FieldViolation]:
    """Check announced changes: each by itself, and the terms as each leaves them.

    Args:
        terms: The decimal terms that may change.
        statuses: The names of statuses that may be announced.
    """
    changes = after.scheduled or ()
    if len(changes) > SCHEDULED_MAX:
        yield FieldViolation("scheduled", "TOO_MANY", f"at most {SCHEDULED_MAX}")
        return
    found = [
        v
        for n, one in enumerate(changes)
        for v in check_change(f"scheduled[{n}].", one, terms, statuses)
    ]
    if found:
        yield from found
        return
    if any(one.effective_at > other.effective_at for one, other in pairwise(changes)):
        yield FieldViolation("scheduled", "NOT_ASCENDING", "must be in the order of their instants")
    if len({(one.effective_at, one.field) for one in changes}) < len(changes):
        yield FieldViolation("scheduled", "DUPLICATE", "changes a term twice at one instant")
    yield from _check_outcomes(after)


def check_change(
    where: str, one: Any, terms: Collection[str], statuses: Collection[str]
) -> Iterator[FieldViolation]:
    """Check a term's value from an instant on.

    Args:
        where: What the names of its fields begin with, such as `scheduled[0].`.
        one: A `ScheduledTerm`, or what has its fields.
    """
    if one.effective_at is None:
        yield FieldViolation(f"{where}effective_at", "REQUIRED", "is required")
    if one.field == "status":
        if one.value not in statuses:
            message = f"must be one of {', '.join(sorted(statuses))}"
            yield FieldViolation(f"{where}value", "UNKNOWN", message)
    elif one.field not in terms:
        message = "must be `status` or a decimal term such as tick_size"
        yield FieldViolation(f"{where}field", "UNKNOWN", message)
    else:
        try:
            decimals.parse(one.value)
        except ValueError as error:
            yield FieldViolation(f"{where}value", "NOT_A_DECIMAL", str(error))


def _check_outcomes(after: Any) -> Iterator[FieldViolation]:
    """Check the terms as they will be at each instant at which one changes."""
    if any(True for _ in check_terms(after)):
        return
    will_be, seen = after, set()
    for place, one in enumerate(after.scheduled):
        if one.field != "status":
            value = decimals.parse(one.value)
            will_be = msgspec.structs.replace(will_be, **{one.field: value})
        following = after.scheduled[place + 1 : place + 2]
        if following and following[0].effective_at == one.effective_at:
            continue
        for violation in check_terms(will_be):
            if (violation.field, violation.reason) not in seen:
                seen.add((violation.field, violation.reason))
                leaf = violation.field.removeprefix(_EXACT)
                message = f"from {one.effective_at.isoformat()} on {leaf} {violation.message}"
                yield FieldViolation("scheduled", violation.reason, message)
