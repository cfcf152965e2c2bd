"""Figures of benchmarks: how they are summed up, kept as JSON files, and read again."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = Path(__file__).with_name("results")

#: Stands for every case of a benchmark where none could be measured.
ALL_CASES: Final = "all cases"

#: Name, with its unit last -> value: one round of one case.
Figures = dict[str, float]


class NotMeasured(Exception):
    """A figure is missing; the text says why."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def latency_figures(latencies_us: Sequence[float], **others: float) -> Figures:
    """Percentiles of single latencies, and other figures of the same round."""
    ordered = sorted(latencies_us)
    shares = {"p50_us": 0.5, "p99_us": 0.99, "p999_us": 0.999, "max_us": 1.0}
    return {name: percentile(ordered, share) for name, share in shares.items()} | others


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds of one benchmark.

    Attributes:
        measured_at: When it ended, in ISO 8601.
        commit: The product's commit, with a plus where files were changed since.
        load: The machine's load average before it began: others may have used the machine.
        cases: Case -> its rounds.
        absent: Case -> why it was not measured.
    """

    benchmark: str
    machine: str
    measured_at: str
    commit: str
    load: float
    cases: dict[str, list[Figures]]
    absent: dict[str, str] = {}

    @property
    def rounds(self) -> int:
        return max(map(len, self.cases.values()), default=0)

    def figure(self, case: str, name: str) -> float:
        """The median over the rounds.

        Raises:
            NotMeasured: no round has the figure.
        """
        values = [figures[name] for figures in self.cases.get(case, ()) if name in figures]
        if not values:
            why = self.absent.get(case, self.absent.get(ALL_CASES, f"{case} was not measured"))
            raise NotMeasured(why)
        return statistics.median(values)


class Results(dict[str, Result]):
    """The newest result of each benchmark, by name."""

    def figure(self, benchmark: str, case: str, name: str) -> float:
        """A figure of a case; NotMeasured if there is none."""
        if benchmark not in self:
            raise NotMeasured(f"{benchmark} was not run")
        return self[benchmark].figure(case, name)


def new_result(
    benchmark: str, load: float, cases: dict[str, list[Figures]], absent: dict[str, str]
) -> Result:
    """A result of now, on this machine and of this commit."""
    return Result(
        benchmark=benchmark,
        machine=_machine(),
        measured_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        load=load,
        cases={case: rounds for case, rounds in cases.items() if rounds},
        absent=absent,
    )


def save(result: Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    document = msgspec.json.format(msgspec.json.encode(result), indent=1)
    (folder / f"{result.benchmark}.json").write_bytes(document + b"\n")


def read(folder: Path) -> Results:
    documents = (path.read_bytes() for path in sorted(folder.glob("*.json")))
    results = (msgspec.json.decode(document, type=Result) for document in documents)
    return Results({result.benchmark: result for result in results})


def _machine() -> str:
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {cpu[1] if cpu else 'unknown'}, {memory_gib:.0f} GiB"


def _commit() -> str:
    changed = _git("status", "--porcelain", "--", "shared", "writer", "resolver", "cqar", "proto")
    return (_git("rev-parse", "--short", "HEAD") or "unknown") + "+" * bool(changed)


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
