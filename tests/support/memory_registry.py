"""A whole registry in a dictionary, which judges requests by the real rules, as a writer does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from cqar_shared.domain.evaluation import Batch, ChangeIntent, Item, Outcome, Result
from cqar_shared.domain.kind import Entity, Ref, RegistryView
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.working_set import Referrers, Stored, WorkingSet
from cqar_shared.errors import RegistryError
from tests.support.entity_builders import NOW
from tests.support.memory_registry_view import KIND_OF

ROUNDS_MAX = 64


class MemoryRegistry:
    """Entities by kind and key, at one revision."""

    def __init__(self, *entities: Entity, now: dt.datetime = NOW) -> None:
        self.now = now
        self.entities: dict[Ref, Any] = {}
        for entity in entities:
            kind = KIND_OF[type(entity)]
            self.entities[kind.name, kind.key_of(entity)] = entity

    def apply(self, *items: Item) -> list[Outcome]:
        """Make these changes, all or none; return their outcomes."""
        return self.apply_planned(lambda _: items)

    def apply_planned(
        self, plan: Callable[[RegistryView], Iterable[Item]], *, historical: bool = False
    ) -> list[Outcome]:
        """Make the changes that a plan finds in the registry.

        Raises:
            RegistryError: What the plan raises, once it has seen all that it asks for.
        """
        view = WorkingSet(self.now, historical=historical)
        for _ in range(ROUNDS_MAX):
            view.begin_round()
            error, outcomes = None, []
            try:
                items = list(plan(view))
            except RegistryError as raised:
                error, items = raised, []
            missing = view.missing
            if not missing:
                outcomes = Batch(items).judge(view)
                missing = view.missing
            if not missing:
                break
            self._load(view)
        else:
            raise AssertionError("the rules ask without end")
        if error is not None:
            raise error
        if not any(o.result is Result.REJECTED for o in outcomes):
            self._commit(outcomes)
        return outcomes

    def create(self, *entities: Entity) -> None:
        for entity in entities:
            kind = KIND_OF[type(entity)]
            (outcome,) = self.apply(Item(kind=kind, intent=ChangeIntent.UPSERT, given=entity))
            assert outcome.error is None, outcome.error

    def of(self, kind: str) -> list[Any]:
        return [entity for (name, _), entity in sorted(self.entities.items()) if name == kind]

    def _commit(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if not outcome.changes:
                continue
            if outcome.after is None:
                del self.entities[outcome.kind.name, outcome.key]
            else:
                self.entities[outcome.kind.name, outcome.key] = outcome.after

    def _load(self, view: WorkingSet) -> None:
        missing = view.missing
        for find in missing.finds:
            values_of = KIND_BY_NAME[find.kind].lookups[find.lookup].values_of
            keys = [
                key
                for (kind, key), entity in self.entities.items()
                if kind == find.kind and find.values in values_of(entity)
            ]
            view.know_found(find, keys)
            for key in keys:
                view.know((find.kind, key), self._stored((find.kind, key)))
        for ref in missing.refs:
            view.know(ref, self._stored(ref))
        for ref in missing.referrers:
            refs = [
                (kind, key)
                for (kind, key), entity in self.entities.items()
                if any(target == ref for _, target in KIND_BY_NAME[kind].refs_of(entity))
                and (kind, key) != ref
            ]
            view.know_referrers(ref, Referrers(refs))

    def _stored(self, ref: Ref) -> Stored | None:
        entity = self.entities.get(ref)
        return None if entity is None else Stored(lambda _: entity, 1, b"")
