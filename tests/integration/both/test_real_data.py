"""Third parties' real lists before the rules: what is accepted, and that what is not is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest

from cqar_shared.domain.evaluation import Outcome, Result
from cqar_writer.mutations import Mutations
from tests.real import real_data_page, source_files, sources
from tests.real.evidence import BY_REASON
from tests.real.report import Tally, tally
from tests.real.rule_evaluation import EvaluatedRow, RegistryModel, batches, evaluate_all
from tests.support.commits import CAUSE

if not source_files.DATA.exists():
    pytest.skip(f"{source_files.DATA} is absent: third parties' lists", allow_module_level=True)

#: By source: rows, accepted, with nothing to hold, and rejected by what is wrong.
COUNTS: Final[dict[str, tuple[int, int, int, dict[str, int]]]] = {
    "EVM chains": (1940, 1940, 0, {}),
    "Cosmos chains": (228, 226, 2, {}),
    "Chains stated by hand": (28, 28, 0, {}),
    "Superchain tokens": (1168, 1166, 0, {"address NOT_AN_ADDRESS": 2}),
    "Solana tokens": (13644, 13641, 0, {"decimals OUT_OF_RANGE": 3}),
    "rotki assets": (1374, 1371, 3, {}),
    "Uniswap tokens": (1723, 1720, 0, {"decimals IMMUTABLE": 3}),
    "Cosmos assets": (
        2217,
        2168,
        0,
        {
            "address NOT_AN_ADDRESS": 1,
            "asset_id IMMUTABLE": 1,
            "chain_id NOT_FOUND": 39,
            "decimals IMMUTABLE": 2,
            "decimals REQUIRED": 6,
        },
    ),
    "Cosmos traces": (
        1258,
        1102,
        85,
        {"to_asset_id CYCLE": 1, "to_asset_id NOT_FOUND": 70},
    ),
    "rotki groups": (
        504,
        492,
        0,
        {
            "members[].asset_id DUPLICATE": 5,
            "members[].asset_id NOT_FOUND": 6,
            "name WHITE_SPACE": 1,
        },
    ),
}


@pytest.fixture(scope="module")
def judged() -> list[EvaluatedRow]:
    return list(evaluate_all(sources.rows()))


@pytest.fixture(scope="module")
def tallies(judged: list[EvaluatedRow]) -> dict[str, Tally]:
    return tally(judged)


def test_as_many_rows_of_each_source_are_accepted_and_rejected_for_as_much(
    tallies: dict[str, Tally],
) -> None:
    found = {
        source: (
            told.rows,
            told.accepted,
            told.silent.total(),
            {str(reason): len(rows) for reason, rows in sorted(told.rejected.items())},
        )
        for source, told in tallies.items()
    }
    assert found == COUNTS
    for told in tallies.values():
        # No row here has two faults, so nothing is counted twice.
        assert told.rejected_rows == sum(map(len, told.rejected.values()))


def test_no_record_of_a_file_is_passed_over(tallies: dict[str, Tally]) -> None:
    traces = [
        trace for _, asset in source_files.cosmos_assets() for trace in asset.get("traces", [])
    ]
    read: dict[str, list[Any]] = {
        "EVM chains": source_files.evm_chains(),
        "Cosmos chains": source_files.cosmos_chains(),
        "Superchain tokens": source_files.superchain(),
        "Solana tokens": source_files.solana(),
        "Uniswap tokens": source_files.uniswap(),
        "Cosmos assets": source_files.cosmos_assets(),
        "Cosmos traces": traces,
    }
    assert {source: tallies[source].rows for source in read} == {
        source: len(records) for source, records in read.items()
    }
    collections = {record["collection_id"] for record in source_files.rotki_members()}
    assert tallies["rotki groups"].rows == len(collections)


def test_every_rejected_row_is_wrong_by_another_look_than_the_rules(
    tallies: dict[str, Tally],
) -> None:
    unproved = [
        (str(reason), judged.row.text)
        for told in tallies.values()
        for reason, rejected in told.rejected.items()
        for judged in rejected
        if BY_REASON[reason](judged.row) is None
    ]
    assert unproved == []


def test_no_accepted_row_looks_wrong_by_that_other_look(judged: list[EvaluatedRow]) -> None:
    """The looks at decimals, addresses and counterparties, at the rows that passed."""
    looks = {
        "Superchain tokens": ("address NOT_AN_ADDRESS",),
        "Solana tokens": ("decimals OUT_OF_RANGE",),
        "Cosmos assets": ("chain_id NOT_FOUND", "decimals REQUIRED"),
        "Cosmos traces": ("to_asset_id NOT_FOUND",),
        "rotki groups": ("members[].asset_id DUPLICATE", "name WHITE_SPACE"),
    }
    by_name = {str(reason): look for reason, look in BY_REASON.items()}
    accepted = (one.row for one in judged if one.row.entities and not one.violations)
    suspect = [
        (name, row.text)
        for row in accepted
        for name in looks.get(row.source, ())
        if by_name[name](row) is not None
    ]
    assert suspect == []


def test_no_list_overwrites_what_another_stated(judged: list[EvaluatedRow]) -> None:
    results = {outcome.result for one in judged for outcome in one.outcomes}
    assert results == {Result.CREATED, Result.UNCHANGED, Result.REJECTED}


async def test_the_writer_commits_exactly_what_the_judge_accepts_in_memory(
    mutations: Mutations,
) -> None:
    """All chains, the Superchain's and Uniswap's tokens: contradictions and all."""
    registry, judged = RegistryModel(), list[Outcome]()
    for batch in batches(sources.rows(of_all=False)):
        applied = await mutations.apply(batch.items, CAUSE, skip_rejected=True, historical=True)
        outcomes = registry.judge(batch)
        assert _told(applied.outcomes) == _told(outcomes)
        judged += outcomes
    results = {outcome.result for outcome in judged}
    assert results == {Result.CREATED, Result.UNCHANGED, Result.REJECTED}


def _told(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    return [(o.kind.name, o.key, o.result, o.before, o.after, o.violations) for o in outcomes]


def test_the_document_says_what_was_found(tallies: dict[str, Tally]) -> None:
    message = "run `python -m tests.real` and look at what changed"
    assert real_data_page.PATH.read_text() == real_data_page.text_of(tallies), message
