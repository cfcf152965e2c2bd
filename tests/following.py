"""A resolver's follower beside a test, and what it must come to."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from nats.aio.client import Client

from resolver.app import Resolver, utc_now
from resolver.config import ResolverConfig
from resolver.database import Database
from resolver.follower import Follower
from resolver.view import View
from shared.tasks import begin, end, keep_going
from tests.builders import NOW
from tests.changes import eventually, running
from writer.app import Writer
from writer.config import WriterConfig

#: Given to a follower whose probe is to stay out of a test.
NEVER_S = 3600.0
#: Follows until the block ends, probing every so many seconds.
Follow = Callable[[float], AbstractAsyncContextManager[asyncio.Future[None]]]


def follow_into(view: View, database: str, client: Client) -> Follow:
    @asynccontextmanager
    async def following(probe_every_s: float) -> AsyncIterator[asyncio.Future[None]]:
        follower = Follower(view, Database(database), client, lambda: NOW, probe_every_s)
        async with running(keep_going("follower", follower.run)) as task:
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
) -> AsyncIterator[Writer]:
    """All of a writer but its servers, in this process."""
    writer = Writer(settings, now)
    tasks = begin(writer.loops())
    try:
        yield writer
    finally:
        await end(*tasks)
        await writer.close()


def stands_at(view: View, epoch: int, revision: int) -> bool:
    return view.is_complete and view.snapshot.position[:2] == (epoch, revision)


async def require_equal(view: View, database: str) -> None:
    """What the view serves is what PostgreSQL holds: rows, count, hash and chain."""
    loaded = await Database(database).hydrate()
    served = view.snapshot
    assert served.position == loaded.position
    assert (served.counts, served.set_hash) == (loaded.counts, loaded.set_hash)
