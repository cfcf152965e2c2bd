"""What was to be reached, each goal with how it is judged by what was measured. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from bench.measured import Result
from bench.subjects.grpc_resolve import CALLERS, name_of

#: Instead of a goal, where a figure alone was asked for.
FIGURE: Final = "to be known"
#: Subject -> what was measured of it.
Results = Mapping[str, Result]


class NotMeasured(Exception):
    """A figure is not there; the text says why, where that is known."""


class Finding(NamedTuple):
    """A row of the table.

    Attributes:
        met: None where there is no goal, only a figure.
    """

    measured: str
    peer: str
    met: bool | None


class Goal(NamedTuple):
    """One of them.

    Attributes:
        key: Of its note in `notes.md`.
    """

    key: str
    what: str
    goal: str
    judge: Callable[[Results], Finding]


def figure(results: Results, subject: str, contestant: str, name: str) -> float:
    """The median over the rounds.

    Raises:
        NotMeasured: It is not there.
    """
    result = results.get(subject)
    if result is None:
        raise NotMeasured(f"{subject} was not run")
    found = result.contestants.get(contestant)
    value = None if found is None else found.figure(name)
    if value is None:
        raise NotMeasured(result.absent.get(contestant, f"{contestant} was not measured"))
    return value


# ---------------------------------------------------------------- units


def time_text(us: float) -> str:
    """Three digits at most, in the unit that fits."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.3g} {unit}"
    return f"{us:.3g} µs"


def count_text(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.0f}"


# ---------------------------------------------------------------- how goals are judged


def _in_process(results: Results) -> Finding:
    get = partial(figure, results, "in_process", name="p50_us")
    replica, ccxt = get("Replica"), get("ccxt safe_market")
    table = get("a dict, through a function")
    peer = f"ccxt {time_text(ccxt)}, a dict {time_text(table)}"
    return Finding(time_text(replica), peer, replica < ccxt and replica <= 3 * table)


def _local_replica(results: Results) -> Finding:
    get = partial(figure, results, "other_process", name="p50_us")
    redis, lmdb, parsed = get("Redis GET, Unix socket"), get("LMDB get"), get("LMDB get, parsed")
    peer = f"Redis GET {time_text(redis)}, LMDB {time_text(lmdb)}, parsed {time_text(parsed)}"
    try:
        local = get("LocalReplica")
    except NotMeasured as error:
        today = get("Client, Unix socket")
        return Finding(f"{error}; `Client`, Unix socket: {time_text(today)}", peer, met=False)
    return Finding(time_text(local), peer, local <= 5 and local * 20 <= redis)


def _grpc(where: str, callers: int, results: Results) -> Finding:
    def both(what: str) -> tuple[float, float]:
        name = name_of(what, where, callers)
        get = partial(figure, results, "grpc_resolve", name)
        return get("p50_us"), get("calls_per_s")

    (p50, rate), (empty_p50, empty_rate) = both("Resolve"), both("empty")
    return Finding(
        f"{time_text(p50)}, {count_text(rate)}/s ({p50 / empty_p50:.2f} ×)",
        f"{time_text(empty_p50)}, {count_text(empty_rate)}/s",
        p50 <= 1.15 * empty_p50 and rate * 1.15 >= empty_rate,
    )


def _native(results: Results) -> Finding:
    most = CALLERS[-1]
    get = partial(figure, results, "grpc_resolve")
    aio = get(name_of("Resolve", "TCP", most), "calls_per_s")
    peer = f"grpc.aio {count_text(aio)}/s"
    try:
        rate = get(name_of("Resolve", "native TCP", most), "calls_per_s")
    except NotMeasured:
        why = results["grpc_resolve"].absent.get("Resolve, native", "not measured")
        return Finding(why, peer, met=False)
    p99 = get(name_of("Resolve", "native TCP", most), "p99_us")
    measured = f"{count_text(rate)}/s, p99 {time_text(p99)}"
    return Finding(measured, peer, rate >= 3.5 * aio and p99 < 10_000)


def _batch(results: Results) -> Finding:
    rates = [
        max(
            figure(results, "grpc_batch", name_of(what, "TCP", callers), "keys_per_s")
            for callers in (1, 4)
        )
        for what in ("ResolveBatch", "empty")
    ]
    return Finding(
        f"{count_text(rates[0])} keys/s", f"empty {count_text(rates[1])}/s", rates[0] >= 3e5
    )


def _visible(results: Results) -> Finding:
    get = partial(figure, results, "changing")
    p50, p99 = (get("commit to visible", name) for name in ("p50_us", "p99_us"))
    peer = get("JetStream, one message", "p50_us")
    return Finding(
        f"p50 {time_text(p50)}, p99 {time_text(p99)}",
        f"JetStream publish {time_text(peer)}",
        p50 <= 10_000 and p99 <= 50_000,
    )


def _mutation(results: Results) -> Finding:
    get = partial(figure, results, "changing")
    p50, p99 = (get("mutation", name) for name in ("p50_us", "p99_us"))
    peer = get("PostgreSQL, one row", "p50_us")
    measured = f"p50 {time_text(p50)}, p99 {time_text(p99)}"
    return Finding(measured, f"PostgreSQL commit {time_text(peer)}", p50 <= 10_000)


def _apply(results: Results) -> Finding:
    get = partial(figure, results, "changing")
    new, changed = (get("Apply", f"{what}_per_s") for what in ("new", "changed"))
    peer = get("PostgreSQL, 1,000 rows", "rows_per_s")
    return Finding(
        f"new {count_text(new)}/s, changed {count_text(changed)}/s",
        f"PostgreSQL {count_text(peer)} rows/s",
        min(new, changed) >= 5_000,
    )


def _hydrate(source: str, floor: str, goal_s: float, results: Results) -> Finding:
    get = partial(figure, results, "hydrating", name="seconds")
    took_s, least_s = get(source), get(floor)
    entities = figure(results, "hydrating", source, "entities")
    measured = f"{took_s:.3g} s for {count_text(entities)} entities"
    return Finding(measured, f"{floor} {least_s:.3g} s", took_s <= goal_s)


def _restart(results: Results) -> Finding:
    get = partial(figure, results, "hydrating", name="seconds")
    kept_s, anew_s = get("a service, from its file"), get("a service, from its start")
    return Finding(f"{kept_s:.3g} s", f"from PostgreSQL {anew_s:.3g} s", None)


def _memory(results: Results) -> Finding:
    each = figure(results, "sizes", "memory, 1M", "rss_per_listing_bytes")
    rss = figure(results, "sizes", "memory, 1M", "rss_bytes")
    small = figure(results, "sizes", "memory, 1k", "rss_bytes")
    measured = f"{each:.0f} bytes ({rss / 2**20:,.0f} MiB)"
    return Finding(measured, f"at 1k in all {small / 2**20:.0f} MiB", each <= 700)


def _local_memory(results: Results) -> Finding:
    private = figure(results, "other_process", "LocalReplica", "private_bytes")
    return Finding(f"{private / 2**20:.1f} MiB", "", private <= 20 * 2**20)


def _growth(results: Results) -> Finding:
    least, most = (figure(results, "sizes", f"lookups, {size}", "p50_us") for size in ("1k", "1M"))
    measured = f"{most / least:.2f} × ({time_text(most)})"
    return Finding(measured, f"at 1k {time_text(least)}", most <= 1.5 * least)


def _collector(results: Results) -> Finding:
    get = partial(figure, results, "sizes", "lookups, 1M")
    longest, full = get("gc_longest_us"), get("gc_full_us")
    frozen = get("gc_full_frozen_us")
    measured = f"longest {time_text(longest)}"
    peer = f"a full pass {time_text(full)}, when frozen {time_text(frozen)}"
    return Finding(measured, peer, met=None)


def _pause(way: str, results: Results) -> Finding:
    get = partial(figure, results, "pausing")
    changes, quiet = f"{way}, changes apply", f"{way}, quiet"
    p999, longest = get(changes, "p999_us"), get(changes, "max_us")
    applied_s = get(changes, "applied_s")
    return Finding(
        f"p99.9 {time_text(p999)}, longest {time_text(longest)}, applied in {applied_s:.3g} s",
        f"quiet p99.9 {time_text(get(quiet, 'p999_us'))}",
        p999 <= 20_000,
    )


GOALS: Final[tuple[Goal, ...]] = (
    Goal(
        "in_process",
        "Replica.resolve hit, p50",
        "faster than ccxt `safe_market`; ≤ 3 × a dict through a function",
        _in_process,
    ),
    Goal(
        "local_replica",
        "LocalReplica.resolve from another process, p50",
        "≤ 5 µs; ≥ 20 × faster than Redis GET over a Unix socket",
        _local_replica,
    ),
    *(
        Goal(
            "grpc",
            f"gRPC Resolve, grpc.aio, {where}, callers: {callers}",
            "p50 and calls/s within 1.15 × of an empty handler",
            partial(_grpc, where, callers),
        )
        for where in ("TCP", "Unix")
        for callers in CALLERS
    ),
    Goal(
        "native",
        "gRPC Resolve, native front, callers: 32",
        "≥ 3.5 × grpc.aio's calls/s; p99 < 10 ms",
        _native,
    ),
    Goal("batch", "ResolveBatch of 1,000", "≥ 300,000 keys/s a process", _batch),
    Goal("visible", "commit → visible in a resolver", "p50 ≤ 10 ms, p99 ≤ 50 ms", _visible),
    Goal("mutation", "mutation, one caller", "p50 ≤ 10 ms", _mutation),
    Goal("apply", "Apply of 1,000", "≥ 5,000 entities/s", _apply),
    Goal(
        "hydrate",
        "hydrate 1M listings from PostgreSQL",
        "≤ 15 s",
        partial(_hydrate, "from PostgreSQL", "PostgreSQL's rows alone", 15.0),
    ),
    Goal(
        "warm",
        "hydrate 1M listings, warm",
        "≤ 2 s",
        partial(_hydrate, "from the last good file", "the file's bytes alone", 2.0),
    ),
    Goal("restart", "a resolver's restart from its file at 1M, until ready", FIGURE, _restart),
    Goal("memory", "RSS per listing at 1M", "≤ 700 bytes, all included", _memory),
    Goal("local_memory", "private memory of a LocalReplica's reader", "≤ 20 MB", _local_memory),
    Goal("growth", "lookup p50 at 1M beside 1k", "≤ 1.5 ×", _growth),
    Goal("collector", "the garbage collector's pauses at 1M", FIGURE, _collector),
    *(
        Goal(
            "pause",
            f"a lookup {way} while 50,000 changes apply",
            "p99.9 ≤ 20 ms",
            partial(_pause, way),
        )
        for way in ("in process", "over gRPC")
    ),
)


def found(goal: Goal, results: Results) -> Finding:
    """What became of a goal; what was not measured is not met."""
    try:
        return goal.judge(results)
    except NotMeasured as error:
        met = None if goal.goal == FIGURE else False
        return Finding(f"not measured: {error}", "", met)
