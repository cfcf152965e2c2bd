"""Finds archived entities that live ones refer to after a change: they become live again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cqar_shared.domain.evaluation import Outcome, Result
from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.working_set import WorkingSet


def unarchived(changing: Iterable[Outcome], working_set: WorkingSet) -> list[Outcome]:
    """Return archived entities that changed ones refer to; each is written again, unchanged.

    An archived entity that is changed itself becomes live by that change.
    """
    if not working_set.holds_archived:
        return []
    changed = {(outcome.kind.name, outcome.key) for outcome in changing}
    by_ref: dict[Ref, Outcome] = {}
    left = [ref for outcome in changing for ref in _referents(outcome, working_set)]
    while left:
        ref = left.pop()
        stored = working_set.stored(ref)
        if ref in changed or ref in by_ref or stored is None or not stored.archived:
            continue
        kind, (_, key), entity = KIND_BY_NAME[ref[0]], ref, stored.entity
        outcome = Outcome(kind=kind, key=key, result=Result.UPDATED, before=entity, after=entity)
        by_ref[ref] = outcome
        left += _referents(outcome, working_set)
    return list(by_ref.values())


def _referents(outcome: Outcome, working_set: WorkingSet) -> Iterator[Ref]:
    after = outcome.after
    if after is None:
        return
    for _, ref in outcome.kind.refs_of(after):
        yield ref
    if isinstance(after, VenueSymbol) and after.alias_of:
        # An alias is shown with its primary's terms.
        name = VENUE_SYMBOL.name
        for primary in working_set.find(name, "spelling", after.venue_id, after.alias_of):
            if primary.symbol_id == after.symbol_id:
                yield name, primary.listing_id
