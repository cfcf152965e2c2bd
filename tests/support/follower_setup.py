"""A resolver's follower beside a test, and what it must come to."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from nats.aio.client import Client

from cqar_resolver.app import Resolver, utc_now
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.follower import Follower
from cqar_resolver.replication.ports import connected_ports
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.messaging.jetstream import API_PREFIX
from cqar_shared.runtime.tasks import begin, end, supervise
from cqar_writer.app import WriterApp
from cqar_writer.config import WriterConfig
from tests.support.commits import eventually, running
from tests.support.entity_builders import NOW

#: Given to a follower whose probe is to stay out of a test.
NEVER_S = 3600.0
#: Follows until the block ends, probing every so many seconds.
Follow = Callable[[float], AbstractAsyncContextManager[asyncio.Future[None]]]


def follow_into(view: ReplicaState, database: str, client: Client) -> Follow:
    @asynccontextmanager
    async def following(probe_every_s: float) -> AsyncIterator[asyncio.Future[None]]:
        ports = connected_ports(RegistryDatabase(database), client, API_PREFIX)
        follower = Follower(view, ports, lambda: NOW, probe_every_s)
        async with running(supervise("follower", follower.run)) as task:
            await eventually(lambda: view.is_complete)
            yield task

    return following


@asynccontextmanager
async def resolving(
    config: ResolverConfig, now: Callable[[], dt.datetime] = utc_now
) -> AsyncIterator[Resolver]:
    """All of a resolver but its servers, in this process; at the end it is as if SIGTERM came."""
    resolver = Resolver(config, now)
    tasks = begin(resolver.loops())
    try:
        yield resolver
    finally:
        await end(*tasks)
        await resolver.close()


@asynccontextmanager
async def writing(
    settings: WriterConfig, now: Callable[[], dt.datetime] = utc_now
) -> AsyncIterator[WriterApp]:
    """All of a writer but its servers, in this process."""
    writer = WriterApp(settings, now)
    tasks = begin(writer.loops())
    try:
        yield writer
    finally:
        await end(*tasks)
        await writer.close()


def stands_at(view: ReplicaState, epoch: int, revision: int) -> bool:
    return view.is_complete and view.snapshot.position[:2] == (epoch, revision)


async def require_equal(view: ReplicaState, database: str) -> None:
    """What the view serves is what PostgreSQL holds: rows, count, hash and chain."""
    loaded = await RegistryDatabase(database).hydrate()
    served = view.snapshot
    assert served.position == loaded.position
    assert (served.counts, served.set_hash) == (loaded.counts, loaded.set_hash)
