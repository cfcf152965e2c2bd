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
from cqar.importer.readers.registry import production_operator
from cqar.importer.reference.list_file import read_list
from cqar.importer.reference.list_kinds import LIST_KINDS, plan_list
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.reference_state import ReferenceState
from cqar.importer.registry_products import Products
from cqar.importer.registry_state import RegistryState, code_holder, codes_now
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
        #: All but venues' own, as every import looks at them.
        self._shared = Products()
        self._listings: dict[str, dict[str, Any]] = {}
        self._codes: dict[str, dict[str, Any]] = {}

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
        """What an import for a venue may look at: of listings, those of the venue."""
        as_of = at if venue is not None else None
        state = RegistryState(at, as_of=as_of, products=self._shared)
        state.known_findings = {f.finding_id: f for f in self.all(FINDING)}
        operators = {*self._codes} if venue is None else {venue.venue_id, code_holder(venue)}
        for operator in operators:
            for held in self._codes.get(operator, {}).values():
                state.add(VENUE_ASSET, held)
        if venue is not None:
            for listing in self._listings.get(venue.venue_id, {}).values():
                state.add(VENUE_SYMBOL, listing)
            state.operator_listings = self._of_operator(venue)
            repeated = self._codes.get(production_operator(venue.venue_id) or "", {})
            state.repeated_codes = codes_now(repeated.values(), at)
        return state

    def _of_operator(self, venue: Any) -> list[Any]:
        """Open listings of the other venues of its operator."""
        return [
            listing
            for venue_id, listings in self._listings.items()
            if venue_id != venue.venue_id
            and code_holder(self.get(VENUE, venue_id)) == code_holder(venue)
            for listing in listings.values()
            if listing.delisted_at is None
        ]

    def imported(self, venue_id: str, reading: Reading, at: dt.datetime, **options: Any) -> Plan:
        venue = self.get(VENUE, venue_id)
        state = self.state(at, venue)
        plan = make_plan(state, venue, reading, at, {}, allow_mass_change=True, **options)
        self._keep([*plan.changes, *plan.past])
        for finding in plan.findings:
            self._hold(FINDING, finding.finding_id, finding)
        return plan

    def list_imported(
        self, kind_name: str, path: Path, at: dt.datetime, **beside: Path
    ) -> ListPlan:
        """What `cqar import codes FILE` and its like do."""
        plan = self.list_planned(kind_name, path, at, **beside)
        self._keep(plan.changes)
        return plan

    def list_planned(self, kind_name: str, path: Path, at: dt.datetime, **beside: Path) -> ListPlan:
        """What they would do."""
        kind = LIST_KINDS[kind_name]
        state = ReferenceState(at)
        for wanted in kind.needs:
            for entity in self.all(wanted):
                state.add(wanted, entity)
        for finding in self.all(FINDING):
            state.findings[finding.finding_id] = finding.state or FindingState.OPEN
        lists = {name: read_list(file) for name, file in beside.items()}
        return plan_list(kind, state, read_list(path), at, **lists)

    def get(self, kind: AnyKind, key: str) -> Any:
        return self.entities[kind.name, key][1]

    def all(self, kind: AnyKind) -> list[Any]:
        return [entity for held, entity in self.entities.values() if held is kind]

    def findings(self) -> list[Any]:
        return self.all(FINDING)

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
            assert outcome.result is not Result.DELETED, outcome.key
            if outcome.after is not None and outcome.changes:
                self._hold(outcome.kind, outcome.key, outcome.after)

    def _hold(self, kind: AnyKind, key: str, entity: Entity) -> None:
        self.entities[kind.name, key] = (kind, entity)
        if kind is VENUE_SYMBOL:
            listing: Any = entity
            self._listings.setdefault(listing.venue_id, {})[key] = listing
            return
        if kind is VENUE_ASSET:
            held: Any = entity
            self._codes.setdefault(held.venue_id, {})[key] = held
            return
        self._shared.put(kind, entity)
