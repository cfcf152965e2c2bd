"""One table of all runs, and which passed: no call failed, and each RPC was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from loadtests.locust_runner import LoadRun
from loadtests.mixes import LatencyGoal
from loadtests.run_outcome import RpcStats, RunOutcome

COLUMNS = ("mix", "server", "rpc", "calls", "calls/s", "p50 ms", "p99 ms", "errors", "goal", "")


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
            verdict = "FAIL" if made.errors else "pass"
            yield (
                *(*named, str(made.calls), f"{made.calls_per_s:.0f}"),
                *(_ms(made.p50_ms), _ms(made.p99_ms), str(made.errors)),
                *(_goal_text(goal, made) if goal else "", verdict),
            )


def _ms(took_ms: float | None) -> str:
    return "" if took_ms is None else f"{took_ms:g}"


def _goal_text(goal: LatencyGoal, made: RpcStats) -> str:
    wanted = [("p50", goal.p50_ms, made.p50_ms), ("p99", goal.p99_ms, made.p99_ms)]
    said = [
        f"{name} < {below_ms:g} {'met' if took_ms < below_ms else 'MISSED'}"
        for name, below_ms, took_ms in wanted
        if below_ms is not None and took_ms is not None
    ]
    return ", ".join(said)
