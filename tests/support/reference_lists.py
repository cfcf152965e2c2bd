"""Reference lists as a test states them, planned against a registry in memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from cqar.importer.reference.list_file import ListFile, decode_list
from cqar.importer.reference.list_kinds import LIST_KINDS, plan_list
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.reference_state import ReferenceState
from cqar_shared.domain.kind import AnyKind, Entity
from tests.support.entity_builders import NOW
from tests.support.memory_registry_view import KIND_OF


def registry(*entities: Entity) -> ReferenceState:
    state = ReferenceState(NOW)
    for entity in entities:
        state.add(KIND_OF[type(entity)], entity)
    return state


def json_list(value: Any, name: str = "list-a") -> ListFile:
    return decode_list(json.dumps(value).encode(), name, name)


def csv_list(columns: str, *rows: Iterable[str], name: str = "list-a") -> ListFile:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns.split(","))
    writer.writerows(rows)
    return decode_list(text.getvalue().encode(), name, name)


def planned(kind: str, state: ReferenceState, source: ListFile, **options: Any) -> ListPlan:
    """A plan, whose outcomes add up."""
    plan = plan_list(LIST_KINDS[kind], state, source, NOW, **options)
    assert sum(plan.outcomes.values()) == len(plan.rows)
    return plan


def imported(kind: str, state: ReferenceState, source: ListFile, **options: Any) -> ListPlan:
    """A plan that was applied, and that changes nothing the second time."""
    plan = planned(kind, state, source, **options)
    state.commit(plan.changes)
    again = planned(kind, state, source, **options)
    assert again.changes == []
    assert again.outcomes["NEW"] == again.outcomes["CHANGED"] == 0
    return plan


def rows_of(plan: ListPlan) -> list[str]:
    return [row.outcome.value if row.outcome else "" for row in plan.rows]


def made(plan: ListPlan, kind: AnyKind) -> list[Any]:
    """What a plan makes or changes of a kind."""
    return [outcome.after for outcome in plan.changes if outcome.kind is kind]
