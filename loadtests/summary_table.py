"""One table of all runs, and sentences: which failed, and which goal was met or missed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from loadtests.locust_runner import LoadRun
from loadtests.mixes import LatencyGoal
from loadtests.run_outcome import RpcStats, RunOutcome

COLUMNS = (
    "mix",
    "server",
    "rpc",
    "calls",
    "calls/s",
    "p50 ms",
    "p99 ms",
    "errors",
    "goal",
    "result",
)


class FinishedRun(NamedTuple):
    """A run that is over.

    Attributes:
        all_there: Whether the registry was filled for all that the mix asks.
    """

    run: LoadRun
    outcome: RunOutcome
    all_there: bool

    @property
    def never_made(self) -> list[str]:
        return [rpc for rpc in self.run.mix.rpcs if rpc not in self.outcome.made]

    @property
    def faults(self) -> list[str]:
        """Why it did not pass; empty if it did. A goal that is missed is no fault."""
        found = [f"{self.run.name}: {error}" for error in self.outcome.errors]
        if self.never_made and (self.all_there or not self.outcome.made):
            found.append(f"{self.run.name}: never made: {', '.join(self.never_made)}")
        return found


def rows(ended: Iterable[FinishedRun]) -> Iterator[tuple[str, ...]]:
    """A row for each RPC, in the columns of `COLUMNS`."""
    for run, outcome, all_there in ended:
        for rpc in run.mix.rpcs:
            named = (run.mix.name, run.server, rpc)
            made = outcome.made.get(rpc)
            if made is None:
                said = "FAIL" if all_there else "nothing there to ask about"
                yield (*named, "0", "", "", "", "", "", said)
                continue
            goal = run.mix.goals.get(rpc)
            verdict = "FAIL" if made.errors else _result(goal, made)
            yield (
                *(*named, str(made.calls), f"{made.calls_per_s:.0f}"),
                *(_ms(made.p50_ms), _ms(made.p99_ms), str(made.errors)),
                *(_goal_text(goal, made) if goal else "", verdict),
            )


def _ms(took_ms: float | None) -> str:
    return "" if took_ms is None else f"{took_ms:g}"


def sentences(ended: Iterable[FinishedRun]) -> Iterator[str]:
    """A sentence for each goal, the figure with the bar, and one for each mix that has none."""
    for run, outcome, _ in ended:
        judged = [
            _sentence(run, rpc, bar)
            for rpc, goal in run.mix.goals.items()
            if rpc in outcome.made
            for bar in _bars(goal, outcome.made[rpc])
        ]
        yield from judged or [f"{run.name}: it has no goals to meet or to miss."]


def _sentence(run: LoadRun, rpc: str, bar: _Bar) -> str:
    took = f"{run.name}: {bar.name} of {rpc} was {bar.took_ms:g} ms"
    return f"{took}; the goal is less than {bar.below_ms:g} ms: {bar.verdict}."


class _Bar(NamedTuple):
    """A goal's quantile beside what was measured, in ms."""

    name: str
    below_ms: float
    took_ms: float

    @property
    def verdict(self) -> str:
        return "met" if self.took_ms < self.below_ms else "MISSED"


def _bars(goal: LatencyGoal, made: RpcStats) -> list[_Bar]:
    wanted = [("p50", goal.p50_ms, made.p50_ms), ("p99", goal.p99_ms, made.p99_ms)]
    return [
        _Bar(name, below_ms, took_ms)
        for name, below_ms, took_ms in wanted
        if below_ms is not None and took_ms is not None
    ]


def _result(goal: LatencyGoal | None, made: RpcStats) -> str:
    """What a row says of calls of which none failed."""
    if goal is None:
        return "answered"
    missed = any(bar.verdict == "MISSED" for bar in _bars(goal, made))
    return "answered, goal MISSED" if missed else "answered, goal met"


def _goal_text(goal: LatencyGoal, made: RpcStats) -> str:
    return ", ".join(f"{bar.name} < {bar.below_ms:g} {bar.verdict}" for bar in _bars(goal, made))
