"""Whether what resolvers say of their staleness holds, by what the test itself committed when.

Commit r + 1 was acknowledged at a. An answer asked for at t and of revision r lacked it, and so
was stale by t - a at least; the answer must say so much. All instants are of one clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub

from cqar_resolver.replication.freshness import boot_clock_s
from tests.chaos.cluster import Cluster
from tests.support.commits import commit
from tests.support.entity_builders import a_venue_symbol, an_asset

COMMIT_EVERY_S: Final = 0.05
ASK_EVERY_S: Final = 0.02


class StalenessClaim(NamedTuple):
    """What one answer said of itself.

    Attributes:
        asked_s: When it was asked for.
        staleness_ms: None where it claimed no bound.
    """

    who: str
    asked_s: float
    revision: int
    state: pb.SnapshotState.ValueType
    staleness_ms: int | None


@dataclass(slots=True)
class StalenessRecord:
    """What was committed when, and what was claimed meanwhile.

    Attributes:
        acknowledged_s: Revision -> when it was acknowledged, in order.
    """

    acknowledged_s: dict[int, float] = field(default_factory=dict)
    claims: list[StalenessClaim] = field(default_factory=list)

    def true_staleness_ms(self, claim: StalenessClaim) -> float:
        """By how much it was stale for certain; 0 where it was current for all that is known."""
        missed_s = self.acknowledged_s.get(claim.revision + 1)
        return 0.0 if missed_s is None else max(0.0, (claim.asked_s - missed_s) * 1000)

    def broken(self) -> Iterator[tuple[StalenessClaim, float]]:
        """The claims that do not hold, with the truth."""
        for claim in self.claims:
            truth_ms = self.true_staleness_ms(claim)
            if claim.staleness_ms is not None and claim.staleness_ms < truth_ms:
                yield claim, truth_ms


async def commit_steadily(cluster: Cluster, observed: StalenessRecord) -> None:
    """Straight into PostgreSQL, past every link, until cancelled."""
    turn = 0
    while True:
        turn += 1
        revision = await commit(cluster.mutations, an_asset(name=f"Bitcoin {turn}"))
        observed.acknowledged_s[revision] = boot_clock_s()
        await asyncio.sleep(COMMIT_EVERY_S)


async def ask_steadily(cluster: Cluster, observed: StalenessRecord, number: int) -> None:
    """Ask a resolver what it claims, by both answers that claim something, until cancelled."""
    stub: Any = ResolverStub(cluster.channels[cluster.resolvers[number].grpc])
    listing = a_venue_symbol()
    asked = pb.ResolveRequest(venue_id=listing.venue_id, venue_symbol=listing.venue_symbol)
    while True:
        for name, call in (
            ("GetStatus", lambda: stub.GetStatus(pb.GetStatusRequest(), timeout=10)),
            ("Resolve", lambda: stub.Resolve(asked, timeout=10)),
        ):
            asked_s = boot_clock_s()
            answer = await call()
            told = answer.freshness if name == "GetStatus" else answer.resolution.freshness
            bound = told.staleness_ms if told.HasField("staleness_ms") else None
            who = f"{name} at resolver {number + 1}"
            observed.claims.append(StalenessClaim(who, asked_s, told.revision, told.state, bound))
            await asyncio.sleep(ASK_EVERY_S)


def states_of(claims: Sequence[StalenessClaim]) -> set[str]:
    return {pb.SnapshotState.Name(claim.state) for claim in claims}
