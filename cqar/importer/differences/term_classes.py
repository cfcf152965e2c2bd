"""The kind of finding that each changed term of a listing is. Pure.

A term that was not known before denies nothing that was believed: it is TERMS, whatever it is. A
term that is no longer stated is of the kind of its change: steps are coarser, a contract's size is
another one, a fee is another fee.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cqar.importer.differences.step_sizes import STEP_FIELDS, is_coarser, was_known
from cqar_shared.domain import decimals
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol, terms_now
from cqar_shared.domain.listing_term_rules import ScheduledTerm

Fields = dict[FindingKind, list[str]]

#: Kinds of the fields that have one each. Steps have two, and all others are TERMS.
_KIND_OF: Final[Mapping[str, FindingKind]] = {
    "status": FindingKind.STATUS,
    "maker_fee": FindingKind.FEES,
    "taker_fee": FindingKind.FEES,
    "contract_size": FindingKind.CONTRACT_SIZE,
    "order_unit": FindingKind.ORDER_UNIT,
    "unit_multiplier": FindingKind.MULTIPLIER,
    "delisted_at": FindingKind.END_ANNOUNCED,
    "scheduled": FindingKind.SCHEDULED,
}
#: Kinds of which also the first statement is a finding: nothing known is a value here.
_FROM_NOTHING: Final = frozenset(
    {FindingKind.STATUS, FindingKind.END_ANNOUNCED, FindingKind.SCHEDULED, FindingKind.MULTIPLIER}
)
#: Not a venue's statement: identity, what the registry keeps, and what an import notes.
_NOT_STATED: Final = frozenset(
    {
        *("listing_id", "venue_id", "symbol_id", "venue_symbol", "alias_of", "channels"),
        *("is_primary", "first_seen_at", "terms_since", "terms_stated_at", "updated_at"),
        *("metadata", "doubts"),
    }
)
STATED_FIELDS: Final = tuple(n for n in VenueSymbol.__struct_fields__ if n not in _NOT_STATED)


def classify(before: VenueSymbol, after: VenueSymbol) -> Fields:
    """The fields that a venue states otherwise than they were, by the kind of finding.

    Args:
        before: The listing with the announced changes that have come; see `as_announced`.
    """
    found: Fields = {}
    for field in STATED_FIELDS:
        if not _is_same(getattr(before, field), getattr(after, field)):
            found.setdefault(_kind_of(field, before, after), []).append(field)
    return found


def _is_same(one: Any, other: Any) -> bool:
    return bool(one == other) or (one in (None, ()) and other in (None, ()))


def _kind_of(field: str, before: VenueSymbol, after: VenueSymbol) -> FindingKind:
    if field in STEP_FIELDS:
        if not was_known(field, before):
            return FindingKind.TERMS
        coarser = is_coarser(field, before, after)
        return FindingKind.STEPS_COARSER if coarser else FindingKind.STEPS_FINER
    kind = _KIND_OF.get(field, FindingKind.TERMS)
    if kind is FindingKind.MULTIPLIER and after.unit_multiplier == 1 and not before.unit_multiplier:
        # Nothing said is one unit.
        return FindingKind.TERMS
    is_first = getattr(before, field) is None
    return FindingKind.TERMS if is_first and kind not in _FROM_NOTHING else kind


def as_announced(listing: VenueSymbol, after: VenueSymbol, now: dt.datetime) -> VenueSymbol:
    """The listing with the announced changes that have come: by their time, or as now stated.

    An announced value that the venue already states is not found a second time.
    """
    was = terms_now(listing, now)
    still = after.scheduled or ()
    come = [
        change for change in was.scheduled or () if change not in still and _has_come(change, after)
    ]
    if not come:
        return was
    left = tuple(change for change in was.scheduled or () if change not in come)
    terms = {change.field: getattr(after, change.field) for change in come}
    return msgspec.structs.replace(was, **terms, scheduled=left or None)


def _has_come(change: ScheduledTerm, after: VenueSymbol) -> bool:
    value = getattr(after, change.field)
    if change.field == "status":
        return value is not None and bool(value.name == change.value)
    return value is not None and bool(value == decimals.parse(change.value))
