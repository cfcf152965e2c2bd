"""How current memory is, said once for a moment instead of with every answer. Pure.

What is said holds until the moment ends: its staleness is as of then, and it ends before memory
counts as stale.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cqar_resolver.replication.freshness import DRIFT

#: How much staler than it is an answer may say that it is.
LEASE_MAX_S: Final = 0.01


class FreshnessLease(NamedTuple):
    """A stretch of time in which memory is LIVE.

    Attributes:
        generation: `ReplicaState.generation`: another one ends it.
        until_s: Of the clock that runs on.
        now_ns, until_ns: The same by the wall clock.
        encoded_freshness: Freshness, framed as a part of the answer.
    """

    generation: object
    until_s: float
    now_ns: int
    until_ns: int
    encoded_freshness: bytes


class Lease(NamedTuple):
    """For how long something may be said again, and the staleness that it tells meanwhile."""

    seconds: float
    reported_ms: int


def lease_of(staleness_ms: int, stale_after_s: float, longest_s: float) -> Lease:
    """One that ends before what is said counts as stale: else a verdict would deny too late."""
    seconds = max(0.0, min(longest_s, stale_after_s - staleness_ms / 1000))
    return Lease(seconds, staleness_ms + int(seconds * 1000 * DRIFT) + 1)
