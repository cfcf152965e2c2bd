"""The goals, and how each is judged by the results. Pure.

A text shows a figure as `{case:figure}`, in the unit at the end of its name, and its ratio to
another case's as `{case:figure ÷ other}`; `one | other` is the case with the larger figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from bench.benchmarks import BATCH_CALLERS, CALLERS, case_name
from bench.results import NotMeasured, Results

#: Instead of a goal, where only the figure was asked for.
FIGURE_ONLY: Final = "to be known"
_FIGURE: Final = re.compile(r"\{([^{}:]+):(\w+)(?: ÷ ([^{}]+))?\}")

#: A figure, by its case and its name.
Get = Callable[[str, str], float]


class Finding(NamedTuple):
    """What a goal's row says; `met` is None where there is no goal, only a figure."""

    measured: str
    peer: str
    met: bool | None


class Goal(NamedTuple):
    """A row of the table.

    Attributes:
        measured, peer: What the row shows.
        is_met: By the benchmark's figures; None where there is no goal.
    """

    what: str
    goal: str
    benchmark: str
    measured: str
    peer: str
    is_met: Callable[[Get], bool] | None

    def finding(self, results: Results) -> Finding:
        """What became of the goal; what was not measured is missed."""

        def get(case: str, name: str) -> float:
            return max(results.figure(self.benchmark, one, name) for one in case.split(" | "))

        try:
            met = self.is_met(get) if self.is_met else None
            return Finding(_text(self.measured, get), _text(self.peer, get), met)
        except NotMeasured as error:
            return Finding(f"not measured: {error}", "", False if self.is_met else None)


def _text(template: str, get: Get) -> str:
    def show(match: re.Match[str]) -> str:
        case, name, other = match.groups()
        if other:
            return f"{get(case, name) / get(other, name):.2f} ×"
        return figure_text(name, get(case, name))

    return _FIGURE.sub(show, template)


def figure_text(name: str, value: float) -> str:
    """Three digits, in the unit that fits."""
    rounded = f"{float(f'{value:.3g}'):,.0f}"
    if name.endswith("_us"):
        for unit, size in (("s", 1e6), ("ms", 1e3)):
            if value >= size:
                return f"{value / size:.3g} {unit}"
        return f"{value:.3g} µs"
    if name.endswith("_per_s"):
        return rounded + {"keys": " keys", "rows": " rows"}.get(name[:4], "") + "/s"
    if name == "rss_per_listing_bytes":
        return f"{value:.0f} bytes"
    if name.endswith("_bytes"):
        return f"{value / 2**20:.3g} MiB"
    return rounded if name == "entities" else f"{value:.3g} s"


def _grpc(transport: str, callers: int) -> Goal:
    ours, empty = (case_name(what, transport, callers) for what in ("Resolve", "empty"))
    return Goal(
        f"gRPC Resolve, grpc.aio, {transport}, callers: {callers}",
        "p50 and calls/s within 1.15 × of an empty handler",
        "grpc_resolve",
        f"{{{ours}:p50_us}}, {{{ours}:calls_per_s}} ({{{ours}:p50_us ÷ {empty}}})",
        f"{{{empty}:p50_us}}, {{{empty}:calls_per_s}}",
        lambda get: (
            get(ours, "p50_us") <= 1.15 * get(empty, "p50_us")
            and get(ours, "calls_per_s") * 1.15 >= get(empty, "calls_per_s")
        ),
    )


def _pause(way: str) -> Goal:
    case = f"{way}, changes apply"
    return Goal(
        f"a lookup {way} while 50,000 changes apply",
        "p99.9 ≤ 20 ms",
        "pausing",
        f"p99.9 {{{case}:p999_us}}, longest {{{case}:max_us}}, applied in {{{case}:applied_s}}",
        f"quiet p99.9 {{{way}, quiet:p999_us}}",
        lambda get: get(case, "p999_us") <= 20_000,
    )


_NATIVE, _AIO = (case_name("Resolve", transport, 32) for transport in ("native TCP", "TCP"))
_BATCH, _EMPTY = (
    " | ".join(case_name(what, "TCP", callers) for callers in BATCH_CALLERS)
    for what in ("ResolveBatch", "empty")
)

GOALS: Final[tuple[Goal, ...]] = (
    Goal(
        "Replica.resolve hit, p50",
        "faster than ccxt `safe_market`; ≤ 3 × a dict through a function",
        "in_process",
        "{Replica:p50_us}",
        "ccxt {ccxt safe_market:p50_us}, a dict {a dict, through a function:p50_us}",
        lambda get: (
            get("Replica", "p50_us") < get("ccxt safe_market", "p50_us")
            and get("Replica", "p50_us") <= 3 * get("a dict, through a function", "p50_us")
        ),
    ),
    Goal(
        "LocalReplica.resolve from another process, p50",
        "≤ 5 µs; ≥ 20 × faster than Redis GET over a Unix socket",
        "other_process",
        "{LocalReplica:p50_us}",
        "Redis GET {Redis GET, Unix socket:p50_us}, LMDB {LMDB get:p50_us},"
        " parsed {LMDB get, parsed:p50_us}",
        lambda get: (
            get("LocalReplica", "p50_us") <= min(5, get("Redis GET, Unix socket", "p50_us") / 20)
        ),
    ),
    *(_grpc(transport, callers) for transport in ("TCP", "Unix") for callers in CALLERS),
    Goal(
        "gRPC Resolve, native front, callers: 32",
        "≥ 3.5 × grpc.aio's calls/s; p99 < 10 ms",
        "grpc_resolve",
        f"{{{_NATIVE}:calls_per_s}}, p99 {{{_NATIVE}:p99_us}}",
        f"grpc.aio {{{_AIO}:calls_per_s}}",
        lambda get: (
            get(_NATIVE, "calls_per_s") >= 3.5 * get(_AIO, "calls_per_s")
            and get(_NATIVE, "p99_us") < 10_000
        ),
    ),
    Goal(
        "ResolveBatch of 1,000",
        "≥ 300,000 keys/s a process",
        "grpc_batch",
        f"{{{_BATCH}:keys_per_s}}",
        f"empty {{{_EMPTY}:keys_per_s}}",
        lambda get: get(_BATCH, "keys_per_s") >= 300_000,
    ),
    Goal(
        "commit → visible in a resolver",
        "p50 ≤ 10 ms, p99 ≤ 50 ms",
        "changing",
        "p50 {commit to visible:p50_us}, p99 {commit to visible:p99_us}",
        "JetStream publish {JetStream, one message:p50_us}",
        lambda get: (
            get("commit to visible", "p50_us") <= 1e4 and get("commit to visible", "p99_us") <= 5e4
        ),
    ),
    Goal(
        "mutation, one caller",
        "p50 ≤ 10 ms",
        "changing",
        "p50 {mutation:p50_us}, p99 {mutation:p99_us}",
        "PostgreSQL commit {PostgreSQL, one row:p50_us}",
        lambda get: get("mutation", "p50_us") <= 1e4,
    ),
    Goal(
        "Apply of 1,000",
        "≥ 5,000 entities/s",
        "changing",
        "new {Apply:new_per_s}, changed {Apply:changed_per_s}",
        "PostgreSQL {PostgreSQL, 1,000 rows:rows_per_s}",
        lambda get: min(get("Apply", "new_per_s"), get("Apply", "changed_per_s")) >= 5_000,
    ),
    Goal(
        "100,000 findings: list, filter, decide",
        "p99 < 50 ms",
        "findings",
        "list {list:p99_us}, filter {filter:p99_us}, decide {decide:p99_us}",
        "",
        lambda get: max(get(case, "p99_us") for case in ("list", "filter", "decide")) < 5e4,
    ),
    Goal(
        "hydrate 1M listings from PostgreSQL",
        "≤ 15 s",
        "hydrating",
        "{from PostgreSQL:seconds} for {from PostgreSQL:entities} entities",
        "PostgreSQL's rows alone {PostgreSQL's rows alone:seconds}",
        lambda get: get("from PostgreSQL", "seconds") <= 15,
    ),
    Goal(
        "hydrate 1M listings, warm",
        "≤ 2 s",
        "hydrating",
        "{from the last good file:seconds} for {from the last good file:entities} entities",
        "the file's bytes alone {the file's bytes alone:seconds}",
        lambda get: get("from the last good file", "seconds") <= 2,
    ),
    Goal(
        "a resolver's restart from its file at 1M, until ready",
        FIGURE_ONLY,
        "hydrating",
        "{a service, from its file:seconds}",
        "from PostgreSQL {a service, from its start:seconds}",
        None,
    ),
    Goal(
        "RSS per listing at 1M",
        "≤ 700 bytes, all included",
        "sizes",
        "{memory, 1M:rss_per_listing_bytes} ({memory, 1M:rss_bytes})",
        "at 1k in all {memory, 1k:rss_bytes}",
        lambda get: get("memory, 1M", "rss_per_listing_bytes") <= 700,
    ),
    Goal(
        "private memory of a LocalReplica's reader",
        "≤ 20 MB",
        "other_process",
        "{LocalReplica:private_bytes}",
        "",
        lambda get: get("LocalReplica", "private_bytes") <= 20 * 2**20,
    ),
    Goal(
        "lookup p50 at 1M beside 1k",
        "≤ 1.5 ×",
        "sizes",
        "{lookups, 1M:p50_us ÷ lookups, 1k} ({lookups, 1M:p50_us})",
        "at 1k {lookups, 1k:p50_us}",
        lambda get: get("lookups, 1M", "p50_us") <= 1.5 * get("lookups, 1k", "p50_us"),
    ),
    Goal(
        "the garbage collector's pauses at 1M",
        FIGURE_ONLY,
        "sizes",
        "longest {lookups, 1M:gc_longest_us}",
        "a full pass {lookups, 1M:gc_full_us}, when frozen {lookups, 1M:gc_full_frozen_us}",
        None,
    ),
    *(_pause(way) for way in ("in process", "over gRPC")),
)
