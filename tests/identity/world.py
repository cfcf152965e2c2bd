"""A registry in memory that lives through imports of all venues, as the writer's rules let it.

What an import may look at is what `load_state` would read for it; what its plan changes is there
for the next one.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

from cqar import catalogue
from cqar.importer.answer_reader import Reading
from cqar.importer.listing_proposals import upsert
from cqar.importer.plan import Plan, make_plan
from cqar.importer.reference.list_file import read_list
from cqar.importer.reference.list_kinds import LIST_KINDS, plan_list
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.reference_state import ReferenceState
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Batch, Item, Outcome, Result
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.finding import FINDING, FindingState
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

#: After all files: the catalogue tells of codes that have ended.
END: Final = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


class World:
    """All entities, by kind and key."""

    def __init__(self) -> None:
        self.entities: dict[tuple[str, str], tuple[AnyKind, Any]] = {}

    @classmethod
    def with_catalogue(cls) -> World:
        world = cls()
        empty = RegistryState(END)
        items = [
            upsert(kind, entity)
            for kind, entity in catalogue.changes(empty, listings=False).entities
        ]
        world.judge(items, END)
        return world

    def judge(self, items: list[Item], at: dt.datetime) -> list[Outcome]:
        """Change what the items say.

        Raises:
            AssertionError: A rule refuses one.
        """
        outcomes = Batch(items).judge(self.state(at))
        refused = [(o.key, o.violations) for o in outcomes if o.result is Result.REJECTED]
        assert not refused, refused[:5]
        self._keep(outcomes)
        return outcomes

    def state(self, at: dt.datetime, venue: Any = None) -> RegistryState:
        """What an import for a venue may look at; all, without one.

        Listings of other venues are not among it.
        """
        state = RegistryState(at, as_of=at if venue is not None else None)
        for kind, entity in self.entities.values():
            if venue is None or kind is not VENUE_SYMBOL or entity.venue_id == venue.venue_id:
                state.add(kind, entity)
        return state

    def imported(self, venue_id: str, reading: Reading, at: dt.datetime, **options: Any) -> Plan:
        venue = self.get(VENUE, venue_id)
        state = self.state(at, venue)
        plan = make_plan(state, venue, reading, at, {}, allow_mass_change=True, **options)
        self._keep([*plan.changes, *plan.past])
        return plan

    def list_imported(
        self, kind_name: str, path: Path, at: dt.datetime, **options: Any
    ) -> ListPlan:
        """What `cqar import codes FILE` and its like do."""
        kind = LIST_KINDS[kind_name]
        state = ReferenceState(at)
        for wanted in kind.needs:
            for entity in self.all(wanted):
                state.add(wanted, entity)
        for finding in self.all(FINDING):
            state.findings[finding.finding_id] = finding.state or FindingState.OPEN
        plan = plan_list(kind, state, read_list(path), at, **options)
        self._keep(plan.changes)
        return plan

    def get(self, kind: AnyKind, key: str) -> Any:
        return self.entities[kind.name, key][1]

    def all(self, kind: AnyKind) -> list[Any]:
        return [entity for held, entity in self.entities.values() if held is kind]

    def open_findings(self) -> list[Any]:
        return [f for f in self.all(FINDING) if f.state in (None, FindingState.OPEN)]

    def bindings(self) -> dict[tuple[str, str], list[Any]]:
        """(operator, code) -> what binds it, in all periods."""
        found: dict[tuple[str, str], list[Any]] = {}
        for held in self.all(VENUE_ASSET):
            for code in held.codes:
                found.setdefault((held.venue_id, code), []).append(held)
        return found

    def _keep(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            ref = (outcome.kind.name, outcome.key)
            if outcome.result is Result.DELETED:
                self.entities.pop(ref, None)
            elif outcome.after is not None and outcome.changes:
                entity: Entity = outcome.after
                self.entities[ref] = (outcome.kind, entity)
