"""Terms of which one is left to people and the other is not, where they must go together. Pure.

A lower bound that stays and an upper one that falls below it are no terms at all; nor is an
announced tick beside bands that stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from cqar.importer.differences.term_classes import Fields
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.venue_symbol import TERMS, MarketStatusCode, VenueSymbol
from cqar_shared.domain.listing_term_rules import BOUNDS, check_scheduled

_STATUSES: Final = frozenset(status.name for status in MarketStatusCode)


def joined_bounds(
    fields: Fields, left: Collection[FindingKind], before: VenueSymbol, after: VenueSymbol
) -> Fields:
    """The differences, where they contradict each other otherwise with what is left to people.

    Args:
        left: The kinds that are left to people.
    """
    kind_of = {field: kind for kind, names in fields.items() for field in names}
    stays = {field for field, kind in kind_of.items() if kind in left}
    mixed = _mixed(before, after, stays)
    for lower, upper in BOUNDS:
        low, high = getattr(mixed, lower), getattr(mixed, upper)
        if low is None or high is None or low <= high or (lower in stays) == (upper in stays):
            continue
        moved, stayed = (upper, lower) if lower in stays else (lower, upper)
        if moved in kind_of:
            kind_of[moved] = kind_of[stayed]
            stays.add(moved)
    if stays and after.scheduled and "scheduled" in kind_of and "scheduled" not in stays:
        mixed = _mixed(before, after, stays)
        if any(True for _ in check_scheduled(mixed, TERMS, _STATUSES)):
            kind_of["scheduled"] = next(kind_of[field] for field in kind_of if field in stays)
    joined: Fields = {}
    for field, kind in kind_of.items():
        joined.setdefault(kind, []).append(field)
    return joined


def _mixed(before: VenueSymbol, after: VenueSymbol, stays: Iterable[str]) -> VenueSymbol:
    """The terms as stated, but for those that stay."""
    return msgspec.structs.replace(after, **{field: getattr(before, field) for field in stays})
