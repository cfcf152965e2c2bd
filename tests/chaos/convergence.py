"""Whether every resolver equals PostgreSQL, and how long that took."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub

from cqar_resolver.replication.postgres import RegistryDatabase
from tests.chaos.cluster import Cluster
from tests.chaos.write_load import WriteLoad
from tests.support.commits import eventually, head_of
from tests.support.entity_builders import a_venue_symbol
from tests.support.service_processes import Running

#: Ends a failure.
HEAL_S: Final = 60.0
#: What is promised, once the load has ended.
EQUAL_S: Final = 5.0


async def healed_after(cluster: Cluster, load: WriteLoad, since_s: float) -> float:
    """Seconds until a change that was sent after `since_s` was acknowledged, and every resolver
    was LIVE and served it, with all that was committed by then.
    """
    await load.until_acknowledged_after(since_s)
    head = await head_of(cluster.engine)
    wanted = (head.epoch, head.revision)

    async def all_serve_it() -> bool:
        statuses = [await cluster.status(resolver) for resolver in cluster.resolvers]
        return all(status is not None and _is_live_at(status, wanted) for status in statuses)

    await eventually(all_serve_it, HEAL_S)
    return asyncio.get_running_loop().time() - since_s


def _is_live_at(status: pb.GetStatusResponse, wanted: tuple[int, int]) -> bool:
    if status.freshness.state != pb.SNAPSHOT_STATE_LIVE:
        return False
    return (status.head.epoch, status.head.revision) >= wanted


async def until_stale(cluster: Cluster) -> None:
    """Wait until no resolver says LIVE and one says STALE; no verdict then allows to open.

    One that another fault has killed meanwhile may have nothing to answer from yet.
    """

    async def none_is_live() -> bool:
        statuses = [await cluster.status(resolver) for resolver in cluster.resolvers]
        states = {status.freshness.state for status in statuses if status is not None}
        return pb.SNAPSHOT_STATE_LIVE not in states and pb.SNAPSHOT_STATE_STALE in states

    await eventually(none_is_live, HEAL_S)
    verdicts = [await _verdict(cluster, resolver) for resolver in cluster.resolvers]
    given = [verdict for verdict in verdicts if verdict is not None]
    assert given
    for verdict in given:
        assert not verdict.open.allowed
        assert "STALE_SNAPSHOT" in {reason.code for reason in verdict.open.reasons}
        assert verdict.cancel.allowed


async def until_last_good(cluster: Cluster, resolver: Running, source: str) -> None:
    """Wait until a resolver answers from its last good state; no verdict then allows to open."""

    async def answers_from_it() -> bool:
        status = await cluster.status(resolver)
        if status is None or status.freshness.state != pb.SNAPSHOT_STATE_LAST_GOOD:
            return False
        assert status.hydrated_from == source
        return True

    await eventually(answers_from_it, HEAL_S)
    verdict = await _verdict(cluster, resolver)
    assert verdict is not None
    assert not verdict.open.allowed
    assert verdict.cancel.allowed


async def _verdict(cluster: Cluster, resolver: Running) -> pb.Tradeable | None:
    """Of a listing that is open; None where the resolver has nothing to answer from."""
    stub: Any = ResolverStub(cluster.channels[resolver.grpc])
    listing = a_venue_symbol()
    request = pb.ResolveRequest(venue_id=listing.venue_id, venue_symbol=listing.venue_symbol)
    try:
        found: pb.Tradeable = (await stub.Resolve(request, timeout=10)).resolution.tradeable
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return None
    return found


async def require_equal(cluster: Cluster) -> None:
    """Every resolver is LIVE at PostgreSQL's head: epoch, revision, chain, counts and hash."""
    loaded = await RegistryDatabase(cluster.database).hydrate()
    expected = (_told(loaded.head), loaded.counts, pb.SNAPSHOT_STATE_LIVE)

    async def equals(number: int) -> bool:
        status = await cluster.status(cluster.resolvers[number])
        if status is None:
            found[number] = None
            return False
        found[number] = (_told(status.head), dict(status.counts), status.freshness.state)
        return found[number] == expected

    found: dict[int, object] = {}
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(len(cluster.resolvers)):
                group.create_task(eventually(lambda number=number: equals(number), EQUAL_S))
    except* TimeoutError as error:
        message = f"resolvers say {found}, PostgreSQL is at {expected}"
        raise AssertionError(message) from error


def _told(head: replication_pb2.Head) -> tuple[int, int, bytes, int, bytes]:
    return head.epoch, head.revision, head.chain, head.live_count, head.set_hash
