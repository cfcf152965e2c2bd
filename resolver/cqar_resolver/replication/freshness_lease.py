"""Freshness that is computed once for a short time instead of for every answer. Pure.

A lease states the staleness as of its end, and ends before the snapshot counts as stale.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cqar_resolver.replication.freshness import DRIFT

#: Maximum overstatement of staleness, in seconds.
LEASE_MAX_S: Final = 0.01


class FreshnessLease(NamedTuple):
    """A period in which the snapshot is LIVE.

    Attributes:
        generation: `ReplicaState.generation`: a change of it ends the lease.
        until_s: The end, by `boot_clock_s`.
        now_ns, until_ns: Begin and end by the wall clock.
        encoded_freshness: The freshness, encoded as a field of the answer.
    """

    generation: object
    until_s: float
    now_ns: int
    until_ns: int
    encoded_freshness: bytes


class Lease(NamedTuple):
    """How long a freshness may be repeated, and the staleness that it states."""

    seconds: float
    reported_ms: int


def lease_of(staleness_ms: int, stale_after_s: float, longest_s: float) -> Lease:
    """Make a lease that ends before the snapshot counts as stale: verdicts must deny by then."""
    seconds = max(0.0, min(longest_s, stale_after_s - staleness_ms / 1000))
    return Lease(seconds, staleness_ms + int(seconds * 1000 * DRIFT) + 1)
