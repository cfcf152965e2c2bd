"""The writer's side of NATS: both relays, and answers to resolvers, while NATS is there.

Nothing here holds up a mutation: what is committed is in the outbox, and goes out when it can.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import jetstream
from shared.tasks import keep_going
from writer import event_relay, metrics, store
from writer.event_relay import EventRelay
from writer.heads import Heads, head_message
from writer.mutations import Mutations
from writer.relay import Relay

log = logging.getLogger(__name__)

#: The relay's leader holds this session-level advisory lock. Any constant would do.
LEADER_LOCK: Final = 0x63716C64
#: A resolver that asks for a new epoch is believed only so often.
BUMPS_APART_S: Final = 10.0
HOUSE_APART_S: Final = 300.0
#: No database loses more at once; a claim beyond this is an error or an attack, and would use
#: up the numbers.
LOST_MAX: Final = 1_000_000
EPOCHS_MAX: Final = 1_000


class Wake:
    """Tells both relays that something was committed."""

    def __init__(self) -> None:
        self.changes = asyncio.Event()
        self.events = asyncio.Event()

    def all(self) -> None:
        self.changes.set()
        self.events.set()


class Publisher:
    """Runs until cancelled or until NATS or PostgreSQL is lost."""

    def __init__(
        self,
        engine: AsyncEngine,
        mutations: Mutations,
        wake: Wake,
        heads: Heads,
        *,
        database_url: str,
        nats_url: str,
        poll_s: float,
    ) -> None:
        self._engine = engine
        self._mutations = mutations
        self._heads = heads
        self._database_url = database_url
        self._nats_url = nats_url
        self._poll_s = poll_s
        self._wake = wake
        self._client: Client | None = None
        self._bumped_at = -BUMPS_APART_S

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def run(self) -> None:
        """Connect, make the streams, answer and relay; raises when a stream is lost.

        Whoever runs it runs it again, and the stream is made anew.
        """
        self._client = client = await jetstream.connect(self._nats_url, "cqar-writer")
        js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        try:
            await jetstream.ensure_stream(js, jetstream.changes_config())
            await jetstream.ensure_stream(js, jetstream.events_config(event_relay.subjects()))
            await jetstream.serve(client, jetstream.HEAD_SUBJECT, self._heads.answer)
            await jetstream.serve(client, jetstream.BUMP_SUBJECT, self._answer_bump)
            relay = Relay(self._engine, js, self._mutations.bump_epoch)
            events = EventRelay(self._engine, js, self._mutations.bump_epoch)
            async with asyncio.TaskGroup() as group:
                group.create_task(keep_going("relay", lambda: self._relay(relay), NotFoundError))
                group.create_task(
                    keep_going("event relay", lambda: self._relay_events(events), NotFoundError)
                )
        finally:
            self._client = None
            await client.close()

    async def _relay(self, relay: Relay) -> None:
        async with leadership(self._database_url, self._wake.all) as try_to_lead:
            kept_at = -HOUSE_APART_S
            while True:
                leads = await try_to_lead()
                metrics.LEADER.set(leads)
                if leads and time.monotonic() - kept_at >= HOUSE_APART_S:
                    await self._keep_house()
                    kept_at = time.monotonic()
                while await relay.step(leads=leads):
                    pass
                await _wait(self._wake.changes, self._poll_s)

    async def _relay_events(self, events: EventRelay) -> None:
        while True:
            while await events.step():
                pass
            await _wait(self._wake.events, self._poll_s)

    async def _keep_house(self) -> None:
        async with self._engine.begin() as tx:
            await store.forget_answers(tx)
            await store.ensure_partitions(tx, (await store.read_head(tx)).revision)

    async def _answer_bump(self, request: bytes) -> bytes:
        """A resolver holds what the database it read does not: look, and believe the look."""
        asked = replication_pb2.EpochBumpRequest.FromString(request)
        bumped = False
        head = await self._heads.read()
        if await self._lost(head, asked.held) and self._may_bump():
            held = asked.held
            bumped = await self._mutations.bump_epoch(head.epoch, held.epoch, held.revision)
            metrics.EPOCH_BUMPS.inc(bumped)
            head = await self._heads.read()
        answer = replication_pb2.EpochBumpResponse(head=head_message(head), bumped=bumped)
        return answer.SerializeToString()

    async def _lost(self, head: store.HeadRow, held: replication_pb2.Head) -> bool:
        """Whether what a resolver holds is no longer part of the database's history."""
        if held.registry_id != head.registry_id or held.epoch < head.epoch:
            return False
        if held.revision > head.revision + LOST_MAX or held.epoch > head.epoch + EPOCHS_MAX:
            log.error("a claim to hold %d:%d is not believed", held.epoch, held.revision)
            return False
        async with self._engine.connect() as tx:
            rows = await store.outbox_after(tx, held.revision - 1, 1)
        return not rows or (rows[0].revision, rows[0].chain) != (held.revision, held.chain)

    def _may_bump(self) -> bool:
        if time.monotonic() - self._bumped_at < BUMPS_APART_S:
            return False
        self._bumped_at = time.monotonic()
        return True


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


@asynccontextmanager
async def leadership(database_url: str, wake: Callable[[], None]) -> AsyncIterator[Any]:
    """A session of its own that listens for commits and tries for the leader's lock.

    Yields a function that says whether this session leads. The lock ends with the session,
    so a leader that dies frees it, and one whose connection broke leads no more.
    """
    connection = await asyncpg.connect(
        database_url, timeout=5, server_settings={"application_name": "cqar-relay"}
    )
    leads = False

    async def try_to_lead() -> bool:
        nonlocal leads
        if connection.is_closed():
            message = "the relay's session with PostgreSQL is lost"
            raise ConnectionError(message)
        if not leads:
            leads = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)
            if leads:
                log.info("this writer's relay leads")
        return leads

    try:
        await connection.add_listener(store.CHANNEL, lambda *_: wake())
        yield try_to_lead
    finally:
        metrics.LEADER.set(0)
        connection.terminate()
