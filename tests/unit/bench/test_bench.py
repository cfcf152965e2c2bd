"""What is made of measurements: shares, medians, the order of turns, goals met and missed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench import keeping
from bench.document import PATH, text_of
from bench.goals import GOALS, Finding, found
from bench.hot import hot
from bench.measured import SHARES, Contestant, Result, Sample, at_share, spread
from bench.plots import draw_all
from bench.registry.market import Market
from bench.running import in_order, turns
from bench.subjects import SUBJECTS
from bench.subjects.grpc_resolve import name_of
from tests.support.entity_builders import NOW

#: The first of each key.
BY_KEY = {goal.key: goal for goal in reversed(GOALS)}
MISSED = "missed |"


def contestant(*rounds: dict[str, float]) -> Contestant:
    return Contestant([Sample(figures) for figures in rounds])


def a_result(subject: str, contestants: dict[str, Contestant], **changes: object) -> Result:
    given = {"machine": "a machine", "at": "2026-11-25T01:00:00", "commit": "abc", "load": 0.5}
    return Result(subject=subject, quick=False, contestants=contestants, **{**given, **changes})


def in_process(replica_us: float) -> dict[str, Result]:
    contestants = {
        "Replica": contestant({"p50_us": replica_us}),
        "ccxt safe_market": contestant({"p50_us": 0.5}),
        "a dict, through a function": contestant({"p50_us": 0.1}),
    }
    return {"in_process": a_result("in_process", contestants)}


def judged(key: str, results: dict[str, Result]) -> Finding:
    return found(BY_KEY[key], results)


# ---------------------------------------------------------------- measurements


def test_a_share_of_latencies_is_the_smallest_that_so_many_do_not_exceed() -> None:
    ordered = list(range(1, 1001))
    assert [at_share(ordered, share) for share in (0.5, 0.99, 0.999, 1.0)] == [500, 990, 999, 1000]
    assert at_share([7.0], 0.5) == 7.0


def test_a_spread_keeps_the_tail_and_the_longest() -> None:
    sample = spread([1.0] * 998 + [50.0, 900.0], calls_per_s=3.0)
    assert sample.figures == {
        "p50_us": 1.0,
        "p99_us": 1.0,
        "p999_us": 50.0,
        "max_us": 900.0,
        "calls_per_s": 3.0,
    }
    assert sample.curve_us[-1] == 900.0
    assert len(sample.curve_us) == len(SHARES)


def test_a_contestants_figure_is_the_median_of_its_rounds() -> None:
    one = contestant({"p50_us": 9.0}, {"p50_us": 1.0}, {"p50_us": 2.0, "extra": 4.0})
    assert one.figure("p50_us") == 2.0
    assert one.figure("extra") == 4.0
    assert one.figure("none") is None


def test_every_contestant_has_its_turn_in_each_round_in_another_order() -> None:
    names = [str(n) for n in range(20)]
    drawn = list(turns(names, 2, random.Random(1)))
    assert sorted(drawn[:20]) == sorted(drawn[20:]) == sorted(names)
    assert drawn[:20] != drawn[20:]


def test_what_needs_the_largest_registry_comes_last() -> None:
    for seed in range(20):
        large = [subject.is_large for subject in in_order(SUBJECTS, random.Random(seed))]
        assert large == sorted(large)


def test_hot_spellings_are_each_another() -> None:
    keys = hot(Market(3_000, NOW), 100)
    assert len({tuple(key) for key in keys}) == 100


# ---------------------------------------------------------------- goals


def test_a_goal_is_met_or_missed_by_what_was_measured_beside_its_peers() -> None:
    assert judged("in_process", in_process(0.25)).met
    assert not judged("in_process", in_process(0.45)).met
    assert judged("in_process", in_process(0.25)).measured == "0.25 µs"
    assert judged("in_process", in_process(0.25)).peer == "ccxt 0.5 µs, a dict 0.1 µs"


def test_grpc_is_within_its_bound_only_if_latency_and_rate_both_are() -> None:
    def with_rate(rate: float) -> bool | None:
        contestants = {
            name_of("Resolve", "TCP", 1): contestant({"p50_us": 110.0, "calls_per_s": rate}),
            name_of("empty", "TCP", 1): contestant({"p50_us": 100.0, "calls_per_s": 1000.0}),
        }
        return judged("grpc", {"grpc_resolve": a_result("grpc_resolve", contestants)}).met

    assert with_rate(900.0)
    assert not with_rate(800.0)


def test_what_was_not_measured_is_missed_and_says_why() -> None:
    absent = {"LocalReplica": "this release has none"}
    results = {"other_process": a_result("other_process", {}, absent=absent)}
    assert judged("local_memory", results) == Finding(
        "not measured: this release has none", "", met=False
    )
    assert judged("growth", {}) == Finding("not measured: sizes was not run", "", met=False)


# ---------------------------------------------------------------- the document


def test_a_row_says_what_was_measured_and_whether_the_goal_was_met() -> None:
    text = text_of(PATH.read_text(), in_process(0.45))
    row = next(line for line in text.splitlines() if line.startswith("| Replica.resolve hit"))
    assert "0.45 µs" in row
    assert row.endswith(MISSED)


def test_the_committed_tables_are_made_of_the_committed_results() -> None:
    page = PATH.read_text()
    assert page == text_of(page, keeping.read(keeping.FOLDER)), "run `python -m bench --document`"


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    (kept,) = in_process(0.25).values()
    keeping.save(kept, tmp_path)
    assert keeping.read(tmp_path) == {"in_process": kept}


def test_plots_are_the_same_bytes_of_the_same_results(tmp_path: Path) -> None:
    sample = spread([1.0, 2.0, 30.0])
    contestants = {"Replica": Contestant([sample])}
    results = {"in_process": a_result("in_process", contestants)}
    for name in ("one", "two"):
        draw_all(results, tmp_path / name)
    drawn = [path.name for path in (tmp_path / "one").iterdir()]
    assert "latency.svg" in drawn
    for name in drawn:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "Replica" in (tmp_path / "one" / "latency.svg").read_text()


def test_a_market_is_refused_that_is_too_small_to_have_all_kinds() -> None:
    with pytest.raises(ValueError, match="at least 300"):
        Market(299, NOW)
