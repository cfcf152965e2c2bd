"""The load generator's own arithmetic: a benchmark that is wrong is worse than none."""

from __future__ import annotations

import random
from collections import Counter

from cqar.admin.rpc_catalog import RESOLVER, rpcs
from loadtests.act_sampler import ActSampler
from loadtests.call_schedule import CallSchedule
from loadtests.locust_runner import LoadRun
from loadtests.mixes import CHANGES, DECK_ACTS, MIXES, ROADMAP
from loadtests.rpc_requests import RPC_REQUESTS
from loadtests.run_outcome import RpcStats, RunOutcome, quantile_ms
from loadtests.summary_table import COLUMNS, FinishedRun, rows, sentences


def made(p50_ms: float = 1.0, p99_ms: float = 2.0, errors: int = 0) -> RpcStats:
    return RpcStats(10, errors, 1.0, p50_ms, p99_ms, p99_ms)


def ended(
    *, all_there: bool = True, errors: tuple[str, ...] = (), **calls: RpcStats
) -> FinishedRun:
    run = LoadRun(ROADMAP, RESOLVER, "127.0.0.1:9091", "")
    return FinishedRun(run, RunOutcome(calls, [*errors]), all_there)


def test_a_stall_is_counted_for_every_act_that_was_due_in_it() -> None:
    pace = CallSchedule(first_s=0.0, every_s=1.0)
    pace.take_s()
    answered_s = 3.5
    late = []
    while pace.wait_s(answered_s) == 0:
        late.append(answered_s - pace.take_s())
    assert late == [2.5, 1.5, 0.5]
    assert pace.wait_s(answered_s) == 0.5


def test_every_deck_holds_the_mix_exactly() -> None:
    shares = {"Resolve": 95, "ResolveBatch": 4, "Watch": 1}
    deck = ActSampler(shares, random.Random(1))
    for _ in range(3):
        assert Counter(deck.deal() for _ in range(DECK_ACTS)) == shares


def test_each_mix_is_of_a_hundred_acts_that_can_be_made() -> None:
    for mix in MIXES.values():
        assert sum(mix.shares.values()) == DECK_ACTS, mix.name
        assert set(mix.rpcs) <= rpcs().keys()
        assert set(mix.goals) <= set(mix.rpcs)
    assert {act for mix in MIXES.values() for act in mix.shares} - {CHANGES} == RPC_REQUESTS.keys()


def test_quantiles_are_of_the_nearest_rank() -> None:
    counts = {0.5: 50, 1.5: 49, 80.0: 1}
    assert quantile_ms(counts, 0.5) == 0.5
    assert quantile_ms(counts, 0.51) == 1.5
    assert quantile_ms(counts, 0.99) == 1.5
    assert quantile_ms(counts, 1.0) == 80.0
    assert quantile_ms({}, 0.5) is None


def test_a_goal_that_is_missed_is_shown_and_is_no_fault() -> None:
    run = ended(GetVenueSymbol=made(p50_ms=9.9, p99_ms=50.0), GetAsset=made(p99_ms=19.0))
    shown = {row[2]: dict(zip(COLUMNS, row, strict=True))["goal"] for row in rows([run])}
    assert shown == {
        "GetVenueSymbol": "p50 < 10 met, p99 < 50 MISSED",
        "GetAsset": "p99 < 20 met",
    }
    assert run.faults == []
    results = {row[2]: dict(zip(COLUMNS, row, strict=True))["result"] for row in rows([run])}
    assert results["GetVenueSymbol"] == "answered, goal MISSED"
    assert results["GetAsset"] == "answered, goal met"
    assert [*sentences([run])] == [
        "roadmap-resolver: p50 of GetVenueSymbol was 9.9 ms; the goal is less than 10 ms: met.",
        "roadmap-resolver: p99 of GetVenueSymbol was 50 ms; the goal is less than 50 ms: MISSED.",
        "roadmap-resolver: p99 of GetAsset was 19 ms; the goal is less than 20 ms: met.",
    ]


def test_a_call_that_was_never_made_fails_a_run_unless_there_is_nothing_to_ask_about() -> None:
    assert ended(GetAsset=made()).faults == ["roadmap-resolver: never made: GetVenueSymbol"]
    elsewhere = ended(all_there=False, GetAsset=made())
    assert elsewhere.faults == []
    assert [row[-1] for row in rows([elsewhere])] == [
        "nothing there to ask about",
        "answered, goal met",
    ]
    assert ended(all_there=False).faults == [
        "roadmap-resolver: never made: GetVenueSymbol, GetAsset"
    ]
