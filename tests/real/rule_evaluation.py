"""Real rows before the writer's judge, over a registry that is held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Batch, Item, Outcome, Result
from cqar_shared.errors import FieldViolation
from tests.real.source_rows import SourceRow
from tests.support.commits import upsert
from tests.support.entity_builders import NOW
from tests.support.memory_registry_view import KIND_OF

BATCH_ITEMS: Final = 1_000


class RequestBatch(NamedTuple):
    """Rows that one request carries, and their items in order."""

    rows: list[SourceRow]
    items: list[Item]


class EvaluatedRow(NamedTuple):
    row: SourceRow
    outcomes: Sequence[Outcome]

    @property
    def violations(self) -> list[FieldViolation]:
        """What is wrong with the row, without what only follows from that."""
        gone = {(o.kind.name, o.key) for o in self.outcomes if o.result is Result.REJECTED}
        found = []
        for entity, outcome in zip(self.row.entities, self.outcomes, strict=True):
            refs = dict(outcome.kind.refs_of(entity))
            found += [v for v in outcome.violations if refs.get(v.field) not in gone]
        return found


def batches(rows: Iterable[SourceRow]) -> Iterator[RequestBatch]:
    """As many rows as one request may carry, and none that states the same entity again."""
    batch, taken = RequestBatch([], []), set[tuple[str, str]]()
    for row in rows:
        items = [upsert(entity) for entity in row.entities]
        keys = {(item.kind.name, item.kind.key_of(item.given)) for item in items if item.given}
        if keys & taken or len(batch.items) + len(items) > BATCH_ITEMS:
            yield batch
            batch, taken = RequestBatch([], []), set()
        batch.rows.append(row)
        batch.items.extend(items)
        taken |= keys
    yield batch


def by_row(batch: RequestBatch, outcomes: Sequence[Outcome]) -> Iterator[EvaluatedRow]:
    left = iter(outcomes)
    for row in batch.rows:
        yield EvaluatedRow(row, [next(left) for _ in row.entities])


class RegistryModel:
    """What was accepted so far."""

    def __init__(self) -> None:
        self._state = RegistryState(NOW)

    def judge(self, batch: RequestBatch) -> list[Outcome]:
        """Judge as the writer does, and keep what it would commit."""
        outcomes = Batch(batch.items).judge(self._state)
        for outcome in outcomes:
            if outcome.changes and outcome.after is not None:
                self._state.add(KIND_OF[type(outcome.after)], outcome.after)
        return outcomes


def evaluate_all(rows: Iterable[SourceRow]) -> Iterator[EvaluatedRow]:
    registry = RegistryModel()
    for batch in batches(rows):
        yield from by_row(batch, registry.judge(batch))
