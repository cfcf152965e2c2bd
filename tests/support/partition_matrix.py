"""A writer and a resolver in this process, each behind links to PostgreSQL, NATS and Redis.

What is measured is the time from a partition's end until everything is done again that goes over
its link: a change through the writer is acknowledged, one made elsewhere is on the stream and in
Redis, the resolver is LIVE at the registry's head, and reads Redis.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import redis.asyncio
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import RegistryError
from cqar_shared.messaging import jetstream
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_writer.app import WriterApp
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually, running
from tests.support.entity_builders import a_venue
from tests.support.follower_setup import resolving, writing
from tests.support.integrity_keys import KEYRING, key_file
from tests.support.partitioned_link import KINDS, Partitioned, partitioned_link_to

SUBJECTS: Final = ("writer", "resolver")
SERVERS: Final = ("PostgreSQL", "NATS", "Redis")
#: Long enough for what looks for lost connections to find them.
HELD_S: Final = 6.0
#: Ends a failure: a machine that does other things beside takes longer.
HEAL_S: Final = 30.0
#: Of a client that gives up.
CALL_S: Final = 2.0
PRESSED_EVERY_S: Final = 0.25
_AWAY: Final = (OSError, NatsError, RegistryError, Unavailable, sa.exc.SQLAlchemyError)

Link = tuple[str, str]


class Row(NamedTuple):
    """What a partition's end was followed by.

    Attributes:
        subject: writer or resolver; both where all links of both were partitioned at once.
        healed_s: What was done again -> seconds after the end.
    """

    kind: str
    subject: str
    server: str
    healed_s: Mapping[str, float]

    @property
    def whole_s(self) -> float:
        return max(self.healed_s.values())


@dataclass
class Stack:
    """What is partitioned, and what looks at it past all links.

    Attributes:
        mutations: Those of another writer, whose database is never away.
        links: By subject and server.
    """

    writer: WriterApp
    resolver: Resolver
    mutations: Mutations
    client: Client
    cache: Cache
    links: dict[Link, Partitioned]
    _names: itertools.count[int] = field(default_factory=itertools.count)

    async def change(self, mutations: Mutations) -> int:
        return await commit(mutations, a_venue(f"venue-{next(self._names)}"))

    # -------------------------------------------------------- what must be done again

    async def acknowledges(self) -> bool:
        """Whether the writer makes a change in the time that a caller has."""
        async with asyncio.timeout(CALL_S):
            await self.change(self.writer.mutations)
        return True

    async def streams(self, revision: int) -> bool:
        js = self.client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        try:
            newest = await js.get_msg(jetstream.CHANGES, subject=jetstream.CHANGES_SUBJECT)
        except NotFoundError:
            return False
        message = replication_pb2.StreamMessage.FromString(newest.data or b"")
        return message.head.revision >= revision

    async def writes_through(self, revision: int) -> bool:
        cursor, _ = await self.cache.read([])
        return cursor is not None and cursor.at.revision >= revision

    def serves(self, revision: int) -> bool:
        view = self.resolver.view
        is_there = view.is_complete and view.snapshot.position.revision >= revision
        return is_there and view.state == pb.SNAPSHOT_STATE_LIVE

    async def reads_redis(self) -> bool:
        cache, images = self.resolver.fallback.cache, self.resolver.images
        if cache is None or images is None:
            return False
        await cache.read([])
        return await images.manifest() is not None

    async def is_whole(self) -> bool:
        revision = await self.change(self.mutations)
        await asyncio.gather(*(_until(done) for done in self.wanted(revision).values()))
        return True

    def wanted(self, revision: int) -> dict[str, Callable[[], Awaitable[bool] | bool]]:
        """By name, what must be done again."""
        return {
            "a change acknowledged": self.acknowledges,
            "a change on the stream": lambda: self.streams(revision),
            "a change in Redis": lambda: self.writes_through(revision),
            "LIVE at the head": lambda: self.serves(revision),
            "Redis read": self.reads_redis,
        }

    # -------------------------------------------------------- partitions

    async def partition(self, kind: str, which: Sequence[Link]) -> dict[str, float]:
        """Partition links at once for `HELD_S`; then what was done again -> after how long."""
        links = [self.links[one] for one in which]
        async with running(self._press()):
            for link in links:
                KINDS[kind](link)
            await asyncio.sleep(HELD_S / 2)
            # What a resolver missed, only PostgreSQL still has.
            js = self.client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
            with suppress(NatsError):
                await js.purge_stream(jetstream.CHANGES)
            await self.change(self.mutations)
            await asyncio.sleep(HELD_S / 2)
        for link in links:
            link.heal()
        loop = asyncio.get_running_loop()
        ended_s = loop.time()
        revision = await self.change(self.mutations)

        async def healed(done: Callable[[], Awaitable[bool] | bool]) -> float:
            await _until(done)
            return loop.time() - ended_s

        wanted = self.wanted(revision)
        found = await asyncio.gather(*(healed(done) for done in wanted.values()))
        return dict(zip(wanted, found, strict=True))

    async def _press(self) -> None:
        """Changes through the writer and beside it, so that connections are in use; none ends."""
        calls: set[asyncio.Task[None]] = set()
        try:
            while True:
                for mutations in (self.writer.mutations, self.mutations):
                    task = asyncio.create_task(self._called(mutations))
                    calls.add(task)
                    task.add_done_callback(calls.discard)
                await asyncio.sleep(PRESSED_EVERY_S)
        finally:
            for task in calls:
                task.cancel()

    async def _called(self, mutations: Mutations) -> None:
        with suppress(*_AWAY):
            async with asyncio.timeout(CALL_S):
                await self.change(mutations)


async def _until(done: Callable[[], Awaitable[bool] | bool]) -> None:
    async def is_done() -> bool:
        try:
            found = done()
            return found if isinstance(found, bool) else await found
        except _AWAY:
            return False

    await eventually(is_done, HEAL_S)


@asynccontextmanager
async def stack_behind_links(
    servers: EmbeddedServers, database: str, mutations: Mutations, client: Client
) -> AsyncIterator[Stack]:
    """A stack that is whole.

    Args:
        mutations: On that database, past all links; `client` likewise of NATS.
    """
    async with redis.asyncio.Redis.from_url(servers.redis) as admin:
        await admin.flushall()
    urls = {"PostgreSQL": database, "NATS": servers.nats, "Redis": servers.redis}
    names = dict(zip(SERVERS, ("database_url", "nats_url", "redis_url"), strict=True))
    links: dict[Link, Partitioned] = {}
    settings: dict[str, dict[str, str]] = {}
    async with AsyncExitStack() as stack:
        for subject in SUBJECTS:
            settings[subject] = {"integrity_key_file": key_file()}
            for server, url in urls.items():
                link, through = await stack.enter_async_context(partitioned_link_to(url))
                links[subject, server] = link
                settings[subject][names[server]] = through
        cache = Cache(servers.redis, KEYRING, timeout_s=CALL_S)
        stack.push_async_callback(cache.close)
        writer = await stack.enter_async_context(
            writing(WriterConfig(**settings["writer"]))  # type: ignore[arg-type]
        )
        resolver = await stack.enter_async_context(
            resolving(ResolverConfig(**settings["resolver"]))  # type: ignore[arg-type]
        )
        found = Stack(writer, resolver, mutations, client, cache, links)
        await found.is_whole()
        yield found
