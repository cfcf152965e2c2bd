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

from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.messaging import jetstream, nats_connection, streams
from cqar_shared.messaging.head_requests import HeadRequests
from cqar_shared.replication.positions import StreamMark
from cqar_shared.runtime.tasks import (
    end,
    follow,
    raise_if_cancelled,
    raising_if_cancelled,
    supervise,
    wait_at_most,
)
from cqar_shared.sql.postgres import STATEMENT_TIMEOUT_S
from cqar_writer import metrics
from cqar_writer.database.fencing import Fencing
from cqar_writer.database.head import Heads
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.mutations import stored_answers
from cqar_writer.mutations.pipeline import Mutations
from cqar_writer.protocol.relay import tail_of
from cqar_writer.relays import event_relay
from cqar_writer.relays.change_relay import Relay
from cqar_writer.relays.epoch_bumps import Bumps
from cqar_writer.relays.event_relay import EventRelay
from cqar_writer.relays.head_responder import HeadService
from cqar_writer.relays.leadership import leadership
from cqar_writer.store import entity_rows, outbox

log = logging.getLogger(__name__)

RELAYS: Final = ("relay", "event relay")
HOUSE_APART_S: Final = 300.0
#: As long as PostgreSQL lets a statement take: the relay waits meanwhile.
HOUSE_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S
#: Less than whoever ends this waits: between two cancellations of what runs within.
END_APART_S: Final = 1.0
#: A relay looks at its stream twice a second: one that did not for this long is stuck.
STUCK_S: Final = 10.0
#: One step is a batch of at most some hundred messages: what takes longer waits for an answer.
STEP_TIMEOUT_S: Final = 5.0
#: Resolvers wait for the relay: it is there this soon after PostgreSQL and NATS are back.
PAUSE_MAX_S: Final = 1.0


class CommitSignal:
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
        wake: CommitSignal,
        heads: Heads,
        *,
        database_url: str,
        nats_url: str,
        poll_s: float,
        database: PrimaryDatabase | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(Newest(), engine)
        self._mutations = mutations
        self._heads = heads
        self._database_url = database_url
        self._nats_url = nats_url
        self._poll_s = poll_s
        self._wake = wake
        self._client: Client | None = None
        self._kept_house_at_s = -HOUSE_APART_S
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

    async def read_tail(self) -> replication_pb2.Head | None:
        """The head that the stream's newest message speaks of; None while that is not to be had."""
        if (js := self.jetstream()) is None:
            return None
        try:
            newest = await js.get_msg(jetstream.CHANGES, subject=jetstream.CHANGES_SUBJECT)
        except (NatsError, OSError, TimeoutError) as error:
            log.info("the stream's newest message is not to be had: %s", error)
            return None
        return tail_of(newest.data)

    async def run(self) -> None:
        """Connect, and answer and relay from then on, until cancelled.

        Answers need no stream: resolvers are told the head also where JetStream is off or full.
        """
        self._client = client = await nats_connection.connect(self._nats_url, "cqar-writer")
        answer_head = partial(HeadService(self._heads).run, client)
        answering = asyncio.create_task(supervise("head service", answer_head, (), PAUSE_MAX_S))
        try:
            fencing = Fencing(self._database, HeadRequests(client).head_of_any)
            bumps = Bumps(self._engine, self._mutations, self._heads, fencing, self._database)
            await jetstream.serve(client, jetstream.BUMP_SUBJECT, bumps.answer)
            relay_all = partial(self._relay_all, client, fencing)
            await supervise("streams", relay_all, (), PAUSE_MAX_S)
        finally:
            self._client = None
            await end(answering, apart_s=END_APART_S)
            await nats_connection.close(client)

    async def _relay_all(self, client: Client, fencing: Fencing) -> None:
        """Make the streams and relay; raises when one is lost, for it to be made anew."""
        for name in RELAYS:  # a stream that is of no use is no progress, too
            self._stepped_s.setdefault(name, time.monotonic())
        js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        await streams.ensure_stream(js, streams.changes_config())
        await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
        bump, database = self._mutations.bump_epoch, self._database
        relay = Relay(self._engine, js, bump, database, fencing)
        events = EventRelay(self._engine, client, bump, database)
        step = partial(self._noted, RELAYS[1], events.step)
        follow_events = partial(follow, step, self._wake.events, self._poll_s)
        loops = dict(zip(RELAYS, (partial(self._relay, relay), follow_events), strict=True))
        self._stepped_s = dict.fromkeys(loops, time.monotonic())
        going = (supervise(name, run, NotFoundError, PAUSE_MAX_S) for name, run in loops.items())
        running = [asyncio.create_task(one) for one in going]
        try:
            # A TaskGroup would cancel each once, and wait for ever where that was lost on the way.
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        finally:
            await end(*running, apart_s=END_APART_S)

    async def _noted(self, name: str, step: Callable[[], Awaitable[bool]]) -> bool:
        """A step, whose end is noted; one that hangs ends, for its connections to be looked at."""
        async with asyncio.timeout(STEP_TIMEOUT_S):
            more = await step()
        self._stepped_s[name] = time.monotonic()
        return more

    async def _relay(self, relay: Relay) -> None:
        with raising_if_cancelled():
            await self._lead_and_relay(relay)

    async def _lead_and_relay(self, relay: Relay) -> None:
        self._database.require_unfenced()
        async with leadership(self._database_url, self._wake.heard) as try_to_lead:
            drops = self._database.drops
            # This session has to go where all others have gone.
            while self._database.drops == drops:
                leads = await try_to_lead()
                metrics.LEADER.set(leads)
                if leads and time.monotonic() - self._kept_house_at_s >= HOUSE_APART_S:
                    self._kept_house_at_s = time.monotonic()
                    await self._keep_house()
                if not await self._noted(RELAYS[0], partial(relay.step, leads=leads)):
                    await wait_at_most(self._wake.changes, self._poll_s)
                raise_if_cancelled()

    async def _keep_house(self) -> None:
        async with asyncio.timeout(HOUSE_TIMEOUT_S), self._engine.begin() as tx:
            await entity_rows.end_if_idle(tx)
            place = await self._database.place(tx)
            await stored_answers.forget_answers(tx)
            await outbox.ensure_partitions(tx, place.revision)
