"""What a run of one mix came to, as locust's process hands it to the one that started it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec


class RpcStats(msgspec.Struct, frozen=True):
    """All calls of one RPC. Latencies count from when a call was due; None if none was made."""

    calls: int
    errors: int
    calls_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class RunOutcome(msgspec.Struct, frozen=True):
    """A run of one mix.

    Attributes:
        made: RPC -> its calls.
        errors: What went wrong, each with how often.
    """

    made: dict[str, RpcStats]
    errors: list[str]


def quantile_ms(counts: Mapping[int, int] | Mapping[float, int], part: float) -> float | None:
    """By nearest rank, of a histogram: milliseconds -> how many took so long."""
    rank = math.ceil(sum(counts.values()) * part)
    seen = 0
    for took_ms, count in sorted(counts.items()):
        seen += count
        if seen >= rank:
            return took_ms
    return None


def bucket_ms(took_ms: float) -> float:
    """What latencies are rounded to, three digits: locust's own would call 0.6 ms 1."""
    if took_ms < 100:
        return round(took_ms, 1)
    return float(round(took_ms)) if took_ms < 1_000 else float(round(took_ms, -1))
