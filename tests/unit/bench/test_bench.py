"""What the benchmark decides: percentiles and medians, the order of cases, which goals are met."""

from __future__ import annotations

import random

import pytest

from bench import results
from bench.benchmarks import BENCHMARKS, case_name, listed_keys
from bench.document import PATH, page_with
from bench.goals import GOALS, Finding
from bench.market import Market
from bench.results import Figures, Result, Results, latency_figures
from bench.runner import benchmark_order, case_order
from tests.support.entity_builders import NOW


def a_result(benchmark: str, absent: dict[str, str] | None = None, **cases: Figures) -> Results:
    rounds = {case: [figures] for case, figures in cases.items()}
    given = {"machine": "a machine", "measured_at": "2026-11-25T01:00", "commit": "abc"}
    result = Result(benchmark=benchmark, load=0.5, cases=rounds, absent=absent or {}, **given)
    return Results({benchmark: result})


def in_process(replica_us: float) -> Results:
    latencies = {"Replica": replica_us, "ccxt safe_market": 0.5, "a dict, through a function": 0.1}
    return a_result("in_process", **{case: {"p50_us": us} for case, us in latencies.items()})


def finding(goal: str, measured: Results) -> Finding:
    return next(one for one in GOALS if one.what.startswith(goal)).finding(measured)


def test_a_latencys_percentile_is_the_smallest_that_so_many_do_not_exceed() -> None:
    figures = {"p50_us": 1.0, "p99_us": 1.0, "p999_us": 50.0, "max_us": 900.0, "calls_per_s": 3.0}
    assert latency_figures([1.0] * 998 + [900.0, 50.0], calls_per_s=3.0) == figures


def test_every_case_has_its_turn_in_each_round_in_another_order() -> None:
    names = [str(n) for n in range(20)]
    drawn = list(case_order(names, 2, random.Random(1)))
    assert sorted(drawn[:20]) == sorted(drawn[20:]) == sorted(names)
    assert drawn[:20] != drawn[20:]
    large = [one.is_large for one in benchmark_order(BENCHMARKS, random.Random(1))]
    assert large == sorted(large)


def test_keys_that_are_asked_for_are_each_another() -> None:
    keys = listed_keys(Market(3_000, NOW), 100)
    assert len({tuple(key) for key in keys}) == 100


def test_a_goal_is_met_or_missed_by_what_was_measured_beside_its_peers() -> None:
    met = finding("Replica.resolve", in_process(0.25))
    assert met == Finding("0.25 µs", "ccxt 0.5 µs, a dict 0.1 µs", met=True)
    assert not finding("Replica.resolve", in_process(0.45)).met


@pytest.mark.parametrize(("rate", "met"), [(900.0, True), (800.0, False)])
def test_grpc_is_within_its_bound_only_if_latency_and_rate_both_are(rate: float, met: bool) -> None:
    cases = {
        case_name("Resolve", "TCP", 1): {"p50_us": 110.0, "calls_per_s": rate},
        case_name("empty", "TCP", 1): {"p50_us": 100.0, "calls_per_s": 1000.0},
    }
    assert finding("gRPC Resolve", a_result("grpc_resolve", **cases)).met is met


def test_what_was_not_measured_is_missed_and_says_why() -> None:
    absent = a_result("other_process", {"LocalReplica": "a round failed"})
    assert finding("private memory", absent) == Finding(
        "not measured: a round failed", "", met=False
    )
    assert finding("lookup p50", Results()) == Finding(
        "not measured: sizes was not run", "", met=False
    )


def test_the_document_that_is_committed_has_the_figures_of_the_results_that_are() -> None:
    page = PATH.read_text()
    assert page == page_with(page, results.read(results.FOLDER)), "run `python -m bench --document`"
