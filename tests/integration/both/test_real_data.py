"""Third parties' real lists through the importer: what is taken, and that what is not is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest

from cqar.importer.reference.reference_state import ReferenceState
from cqar.importer.reference.statements import RowOutcome
from cqar_shared.domain.evaluation import ChangeIntent, Item, Outcome, Result
from cqar_shared.domain.kinds.finding import FINDING
from cqar_writer.mutations import Mutations
from tests.real import real_data_page, source_files
from tests.real.list_imports import ListImport, import_all, plan_of
from tests.real.source_files import EVM_CHAINS, SUPERCHAIN, UNISWAP
from tests.support.commits import CAUSE
from tests.support.entity_builders import NOW

if not source_files.DATA.exists():
    pytest.skip(f"{source_files.DATA} is absent: third parties' lists", allow_module_level=True)

#: What one request may hold.
BATCH_ITEMS: Final = 1_000


@pytest.fixture(scope="module")
def imports() -> list[ListImport]:
    return list(import_all())


def test_no_record_of_a_list_is_passed_over(imports: list[ListImport]) -> None:
    assert {one.source.title: len(one.plan.rows) for one in imports} == {
        source.title: len(source_files.records_of(source)) for source in source_files.LISTS
    }
    for one in imports:
        assert sum(one.plan.outcomes.values()) == len(one.plan.rows)


def test_a_second_import_changes_nothing(imports: list[ListImport]) -> None:
    assert [one.again.changes for one in imports] == [[]] * len(imports)
    for one in imports:
        assert one.again.outcomes["NEW"] == one.again.outcomes["CHANGED"] == 0


def test_every_row_that_is_not_taken_is_wrong_by_another_look(imports: list[ListImport]) -> None:
    unproved = [
        (reason, one.title, one.row.text)
        for reason, found in real_data_page.not_taken(imports).items()
        for one in found
        if real_data_page.proof_of(one) is None
    ]
    assert unproved == []


def test_no_unreadable_row_goes_without_another_look(imports: list[ListImport]) -> None:
    looked_at = {
        id(one.row) for found in real_data_page.not_taken(imports).values() for one in found
    }
    unreadable = [
        row
        for one in imports
        for row in one.plan.rows
        if row.outcome is RowOutcome.UNREADABLE and id(row) not in looked_at
    ]
    assert unreadable == []


def test_no_list_overwrites_what_another_stated(imports: list[ListImport]) -> None:
    """What is updated of assets and contracts is their doubts alone."""
    for one in imports:
        for outcome in one.plan.changes:
            if outcome.result is Result.UPDATED and outcome.kind.name.startswith("asset"):
                before, after = vars_of(outcome.before), vars_of(outcome.after)
                assert {name for name in before if before[name] != after[name]} <= {
                    *("doubts", "updated_at", "members")
                }


def vars_of(entity: Any) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in entity.__struct_fields__}


async def test_the_writer_commits_exactly_what_the_plans_say(mutations: Mutations) -> None:
    """Chains, the Superchain's and Uniswap's tokens: contradictions and all."""
    state = ReferenceState(NOW)
    for source in (EVM_CHAINS, SUPERCHAIN, UNISWAP):
        plan = plan_of(source, state)
        # The writer stamps a finding; what it makes of one is proven elsewhere.
        planned = [outcome for outcome in plan.changes if outcome.kind is not FINDING]
        items = [
            Item(kind=outcome.kind, intent=ChangeIntent.UPSERT, given=outcome.after)
            for outcome in planned
        ]
        applied: list[Outcome] = []
        for start in range(0, len(items), BATCH_ITEMS):
            batch = items[start : start + BATCH_ITEMS]
            told = await mutations.apply(batch, CAUSE, skip_rejected=True, historical=True)
            applied += told.outcomes
        assert _told(applied) == _told(planned)
        state.commit(plan.changes)


def _told(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    return [(o.kind.name, o.key, o.result, o.violations) for o in outcomes]


def test_the_document_says_what_was_found(imports: list[ListImport]) -> None:
    message = "run `python -m tests.real` and look at what changed"
    assert real_data_page.PATH.read_text() == real_data_page.text_of(imports), message
