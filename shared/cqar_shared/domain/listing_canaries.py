"""Values of a listing's terms that hold for resolvers of a group, until they are decided. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

from cqar_shared.domain import decimals, rules
from cqar_shared.domain.listing_term_rules import check_change, check_terms
from cqar_shared.errors import FieldViolation

CANARIES_MAX: Final = 32
#: The longest time for which a change may hold for a group before somebody decides.
CANARY_FOR_MAX: Final = dt.timedelta(days=7)


class CanaryTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A term's value for the resolvers of a group, between two instants.

    Attributes:
        canary_group: A slug.
        field, value: As of `ScheduledTerm`.
    """

    canary_group: str = ""
    effective_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    field: str = ""
    value: str = ""


def kept_canaries(before: Any, after: Any, now: dt.datetime) -> tuple[CanaryTerm, ...] | None:
    """Return the canaries that a listing keeps, or None if it has none.

    One that has lapsed goes. So does a group's that somebody made earlier and that does not fit
    the terms which the listing has now: a trial of some resolvers refuses no change for all.
    """
    canaries = tuple(c for c in after.canaries or () if c.ends_at is None or now < c.ends_at)
    made = () if before is None else before.canaries or ()
    if made and not any(check_terms(after)):
        unfit = {
            group
            for group in _groups(canaries)
            if all(c in made for c in canaries if c.canary_group == group)
            and any(check_terms(_with_group(after, canaries, group)))
        }
        canaries = tuple(c for c in canaries if c.canary_group not in unfit)
    return canaries or None


def check_canaries(
    after: Any, terms: Collection[str], statuses: Collection[str]
) -> Iterator[FieldViolation]:
    """Check what holds for groups: each by itself, and the terms that each group has."""
    canaries = after.canaries or ()
    if len(canaries) > CANARIES_MAX:
        yield FieldViolation("canaries", "TOO_MANY", f"at most {CANARIES_MAX}")
        return
    found = [v for n, one in enumerate(canaries) for v in _check_canary(n, one, terms, statuses)]
    if found:
        yield from found
        return
    if len({(one.canary_group, one.field) for one in canaries}) < len(canaries):
        yield FieldViolation("canaries", "DUPLICATE", "changes a term twice for one group")
        return
    for group in _groups(canaries):
        for violation in check_terms(_with_group(after, canaries, group)):
            message = f"for group {group} {violation.field} {violation.message}"
            yield FieldViolation("canaries", violation.reason, message)


def _groups(canaries: Collection[CanaryTerm]) -> list[str]:
    return list(dict.fromkeys(one.canary_group for one in canaries))


def _with_group(after: Any, canaries: Collection[CanaryTerm], group: str) -> Any:
    """Return the listing with the decimal terms that a group has."""
    changes = {
        one.field: decimals.parse(one.value)
        for one in canaries
        if one.canary_group == group and one.field != "status"
    }
    return msgspec.structs.replace(after, canaries=None, **changes)


def _check_canary(
    place: int, one: CanaryTerm, terms: Collection[str], statuses: Collection[str]
) -> Iterator[FieldViolation]:
    where = f"canaries[{place}]."
    yield from rules.check_slug(f"{where}canary_group", one.canary_group)
    yield from check_change(where, one, terms, statuses)
    if one.ends_at is None:
        yield FieldViolation(f"{where}ends_at", "REQUIRED", "is required")
    elif one.effective_at is not None:
        length = one.ends_at - one.effective_at
        if not dt.timedelta(0) < length <= CANARY_FOR_MAX:
            message = f"must be later than effective_at, by at most {CANARY_FOR_MAX.days} days"
            yield FieldViolation(f"{where}ends_at", "OUT_OF_RANGE", message)
