"""What comes back into snapshots with a change, since what is live points at it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cqar_shared.domain.evaluation import Outcome, Result
from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.working_set import WorkingSet


def revived(changing: Iterable[Outcome], seen: WorkingSet) -> list[Outcome]:
    """Archived entities that changed ones point at, each as it is: it is written again, unchanged.

    What changes itself is live again by that.
    """
    if not seen.holds_archived:
        return []
    changed = {(outcome.kind.name, outcome.key) for outcome in changing}
    found: dict[Ref, Outcome] = {}
    left = [ref for outcome in changing for ref in _pointed_at(outcome, seen)]
    while left:
        ref = left.pop()
        stored = seen.stored(ref)
        if ref in changed or ref in found or stored is None or not stored.archived:
            continue
        kind, (_, key), entity = KIND_BY_NAME[ref[0]], ref, stored.entity
        outcome = Outcome(kind=kind, key=key, result=Result.UPDATED, before=entity, after=entity)
        found[ref] = outcome
        left += _pointed_at(outcome, seen)
    return list(found.values())


def _pointed_at(outcome: Outcome, seen: WorkingSet) -> Iterator[Ref]:
    after = outcome.after
    if after is None:
        return
    for _, ref in outcome.kind.refs_of(after):
        yield ref
    if isinstance(after, VenueSymbol) and after.alias_of:
        # An alias is told by its primary's terms.
        name = VENUE_SYMBOL.name
        for primary in seen.find(name, "spelling", after.venue_id, after.alias_of):
            if primary.symbol_id == after.symbol_id:
                yield name, primary.listing_id
