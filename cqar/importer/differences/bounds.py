"""Bounds of which one is left to people and the other is not: they go together. Pure.

A lower bound that stays and an upper one that falls below it are no terms at all.
"""

from __future__ import annotations

from collections.abc import Collection

from cqar.importer.differences.term_classes import Fields
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol
from cqar_shared.domain.listing_term_rules import BOUNDS


def joined_bounds(
    fields: Fields, left: Collection[FindingKind], before: VenueSymbol, after: VenueSymbol
) -> Fields:
    """The differences, with a bound beside the other one where they would cross.

    Args:
        left: The kinds that are left to people.
    """
    kind_of = {field: kind for kind, names in fields.items() for field in names}
    stays = {field for field, kind in kind_of.items() if kind in left}
    for lower, upper in BOUNDS:
        low, high = (
            getattr(before if field in stays else after, field) for field in (lower, upper)
        )
        if low is None or high is None or low <= high or (lower in stays) == (upper in stays):
            continue
        moved, stayed = (upper, lower) if lower in stays else (lower, upper)
        if moved in kind_of:
            kind_of[moved] = kind_of[stayed]
    joined: Fields = {}
    for field, kind in kind_of.items():
        joined.setdefault(kind, []).append(field)
    return joined
