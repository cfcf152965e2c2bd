"""The writer's side of NATS: both relays, and answers to resolvers, while NATS is there.

Nothing here holds up a mutation: what is committed is in the outbox, and goes out when it can.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import jetstream, nats_connection, streams
from shared.stream_mark import StreamMark
from shared.tasks import follow, heed_cancellation, heeding, keep_going, wait_at_most
from writer import answers, event_relay, metrics, outbox, store
from writer.bumps import Bumps
from writer.event_relay import EventRelay
from writer.heads import Heads
from writer.leadership import leadership
from writer.mutations import Mutations
from writer.relay import Relay

log = logging.getLogger(__name__)

RELAYS: Final = ("relay", "event relay")
HOUSE_APART_S: Final = 300.0
#: A relay looks at its stream twice a second: one that did not for this long is stuck.
STUCK_S: Final = 10.0
#: One step is a batch of at most some hundred messages: what takes longer waits for an answer.
STEP_TIMEOUT_S: Final = 5.0
#: Resolvers wait for the relay: it is there this soon after PostgreSQL and NATS are back.
PAUSE_MAX_S: Final = 1.0


class Wake:
    """Tells the relays that something was committed, once a commit."""

    def __init__(self) -> None:
        self._newest = (0, 0)
        self.changes = asyncio.Event()
        self.events = asyncio.Event()
        self.cache = asyncio.Event()

    def all(self) -> None:
        self.changes.set()
        self.events.set()
        self.cache.set()

    def committed(self, epoch: int, revision: int) -> None:
        if (epoch, revision) > self._newest:
            self._newest = (epoch, revision)
            self.all()

    def heard(self, position: str) -> None:
        """PostgreSQL told of a commit: of one's own too, before or after it is known as such."""
        epoch, _, revision = position.partition(":")
        if revision:
            self.committed(int(epoch), int(revision))
        else:
            self.all()


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
        #: When each relay last did what there was to do.
        self._stepped_s: dict[str, float] = {}

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def stuck(self) -> list[str]:
        """The relays that get nowhere though NATS is there, such as before a foreign stream."""
        if not self.connected:
            return []
        now_s = time.monotonic()
        return [name for name, at_s in self._stepped_s.items() if now_s - at_s > STUCK_S]

    def jetstream(self) -> JetStreamContext | None:
        """None while NATS is away."""
        if self._client is None or not self._client.is_connected:
            return None
        return self._client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)

    async def note_stream(self) -> StreamMark | None:
        """Where the stream is now; None while NATS is away."""
        if self._client is None:
            return None
        return await jetstream.note(self._client, jetstream.CHANGES)

    async def run(self) -> None:
        """Connect, and answer and relay from then on, until cancelled.

        Answers need no stream: resolvers are told the head also where JetStream is off or full.
        """
        self._client = client = await nats_connection.connect(self._nats_url, "cqar-writer")
        try:
            bumps = Bumps(self._engine, self._mutations, self._heads)
            await jetstream.serve(client, jetstream.HEAD_SUBJECT, self._heads.answer)
            await jetstream.serve(client, jetstream.BUMP_SUBJECT, bumps.answer)
            await keep_going("streams", partial(self._relay_all, client), (), PAUSE_MAX_S)
        finally:
            self._client = None
            await nats_connection.close(client)

    async def _relay_all(self, client: Client) -> None:
        """Make the streams and relay; raises when one is lost, for it to be made anew."""
        for name in RELAYS:  # a stream that is of no use is no progress, too
            self._stepped_s.setdefault(name, time.monotonic())
        js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        await streams.ensure_stream(js, streams.changes_config())
        await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
        relay = Relay(self._engine, js, self._mutations.bump_epoch)
        events = EventRelay(self._engine, client, self._mutations.bump_epoch)
        step = partial(self._noted, RELAYS[1], events.step)
        follow_events = partial(follow, step, self._wake.events, self._poll_s)
        loops = dict(zip(RELAYS, (partial(self._relay, relay), follow_events), strict=True))
        self._stepped_s = dict.fromkeys(loops, time.monotonic())
        async with asyncio.TaskGroup() as group:
            for name, run in loops.items():
                group.create_task(keep_going(name, run, NotFoundError, PAUSE_MAX_S))

    async def _noted(self, name: str, step: Callable[[], Awaitable[bool]]) -> bool:
        """A step, whose end is noted; one that hangs ends, for its connections to be looked at."""
        async with asyncio.timeout(STEP_TIMEOUT_S):
            more = await step()
        self._stepped_s[name] = time.monotonic()
        return more

    async def _relay(self, relay: Relay) -> None:
        with heeding():
            await self._lead_and_relay(relay)

    async def _lead_and_relay(self, relay: Relay) -> None:
        async with leadership(self._database_url, self._wake.heard) as try_to_lead:
            kept_at = -HOUSE_APART_S
            while True:
                leads = await try_to_lead()
                metrics.LEADER.set(leads)
                if leads and time.monotonic() - kept_at >= HOUSE_APART_S:
                    await self._keep_house()
                    kept_at = time.monotonic()
                while await self._noted(RELAYS[0], partial(relay.step, leads=leads)):
                    heed_cancellation()
                await wait_at_most(self._wake.changes, self._poll_s)

    async def _keep_house(self) -> None:
        async with self._engine.begin() as tx:
            await answers.forget_answers(tx)
            await outbox.ensure_partitions(tx, (await store.read_head(tx)).revision)
