"""All lists, planned one after the other by the product's own planners, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cqar.importer.reference.list_file import read_list
from cqar.importer.reference.list_kinds import LIST_KINDS, plan_list
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.reference_state import ReferenceState
from tests.real.source_files import LISTS, SourceList
from tests.support.entity_builders import NOW


class ListImport(NamedTuple):
    """A list, its plan, and the plan of the same list once that was applied."""

    source: SourceList
    plan: ListPlan
    again: ListPlan


def plan_of(source: SourceList, state: ReferenceState) -> ListPlan:
    return plan_list(LIST_KINDS[source.kind], state, read_list(source.path), NOW)


def import_all() -> Iterator[ListImport]:
    """The lists in their order, into a registry that begins empty."""
    state = ReferenceState(NOW)
    for source in LISTS:
        plan = plan_of(source, state)
        state.commit(plan.changes)
        yield ListImport(source, plan, plan_of(source, state))
