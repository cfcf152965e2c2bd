"""Plots of the results, as SVG: latencies, throughput by callers, growth by size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.goals import NotMeasured, Results, figure
from bench.measured import SHARES
from bench.scale import FULL, size_name
from bench.subjects.grpc_resolve import CALLERS, name_of

SIZE_INCHES: Final = (8.0, 4.2)
#: The same results make the same bytes.
mpl.rcParams["svg.hashsalt"] = "cqar"
mpl.rcParams["svg.fonttype"] = "none"


@contextmanager
def _drawn(path: Path, title: str, across: str, up: str) -> Iterator[Any]:
    """Axes to draw on; saved where anything was drawn."""
    drawing = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes: Any = drawing.subplots()
    axes.set_title(title)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(visible=True, which="both", alpha=0.25)
    yield axes
    if axes.lines:
        axes.legend(fontsize="small")
    drawing.savefig(path, metadata={"Date": None})


def draw_all(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    of = ("in_process", "other_process")
    _latencies(results, of, folder / "latency.svg", "A lookup without gRPC's server, and with")
    pauses = "Lookups at a fixed rate, quiet and while changes apply"
    _latencies(results, ("pausing",), folder / "pausing.svg", pauses)
    one = [name_of(what, where, 1) for what in ("Resolve", "empty") for where in ("TCP", "Unix")]
    title = "gRPC Resolve, one caller"
    _latencies(results, ("grpc_resolve",), folder / "grpc_latency.svg", title, one)
    _throughput(results, folder / "throughput.svg")
    _growth(results, folder / "growth.svg")


def _latencies(
    results: Results, subjects: Sequence[str], path: Path, title: str, only: Sequence[str] = ()
) -> None:
    """The share of calls (up) that took no longer than (across)."""
    with _drawn(path, title, "microseconds", "share of calls") as axes:
        axes.set_xscale("log")
        for subject in subjects:
            contestants = results[subject].contestants if subject in results else {}
            for name, contestant in contestants.items():
                if contestant.curve_us and (not only or name in only):
                    axes.step(contestant.curve_us, SHARES, where="post", label=name)


def _throughput(results: Results, path: Path) -> None:
    with _drawn(path, "gRPC Resolve", "callers", "calls a second") as axes:
        axes.set_xticks(CALLERS)
        for where in ("TCP", "Unix", "native TCP"):
            for what in ("Resolve", "empty"):
                names = [name_of(what, where, callers) for callers in CALLERS]
                points = _figures(results, "grpc_resolve", names, "calls_per_s")
                if points:
                    axes.plot(CALLERS, points, "o-", label=f"{what}, {where}")
        axes.set_ylim(bottom=0)


def _growth(results: Results, path: Path) -> None:
    with _drawn(path, "By size of the registry", "listings", "times that of the smallest") as axes:
        axes.set_xscale("log")
        for label, contestant, name in (
            ("lookup p50", "lookups", "p50_us"),
            ("resolver's memory", "memory", "rss_bytes"),
        ):
            names = [f"{contestant}, {size_name(size)}" for size in FULL.sizes]
            points = _figures(results, "sizes", names, name)
            if points:
                axes.plot(FULL.sizes, [point / points[0] for point in points], "o-", label=label)


def _figures(results: Results, subject: str, names: Sequence[str], name: str) -> list[float]:
    """All of them, or none."""
    try:
        return [figure(results, subject, contestant, name) for contestant in names]
    except NotMeasured:
        return []
