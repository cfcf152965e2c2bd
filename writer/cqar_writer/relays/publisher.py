"""Runs both relays and answers resolvers, while NATS is there.

Nothing here delays a mutation: a commit is in the outbox, and is published when possible.
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
from cqar_writer.database.head import HeadReader
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations, delete_expired_answers
from cqar_writer.protocol.relay import parse_tail
from cqar_writer.relays import event_relay
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.relays.epoch_bump_responder import EpochBumpResponder
from cqar_writer.relays.event_relay import EventRelay
from cqar_writer.relays.head_responder import HeadResponder
from cqar_writer.relays.leadership import leader_session
from cqar_writer.store import head_rows, outbox

log = logging.getLogger(__name__)

RELAYS: Final = ("relay", "event relay")
MAINTENANCE_EVERY_S: Final = 300.0
#: As long as PostgreSQL lets a statement run; the relay waits meanwhile.
MAINTENANCE_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S
#: Between two cancellations of an inner task; less than the caller of this waits between its own.
END_APART_S: Final = 1.0
#: A relay looks at its stream twice a second; one that has not for this long is stuck.
STUCK_S: Final = 10.0
#: One step is a batch of at most a few hundred messages; a longer one waits for an answer.
STEP_TIMEOUT_S: Final = 5.0
#: The longest pause before a retry: resolvers wait for the relay after an outage.
PAUSE_MAX_S: Final = 1.0


class CommitSignal:
    """Wakes the relays once for each commit."""

    def __init__(self) -> None:
        self._newest = (0, 0)
        self.changes = asyncio.Event()
        self.events = asyncio.Event()
        self.cache = asyncio.Event()

    def wake_all(self) -> None:
        self.changes.set()
        self.events.set()
        self.cache.set()

    def committed(self, epoch: int, revision: int) -> None:
        if (epoch, revision) > self._newest:
            self._newest = (epoch, revision)
            self.wake_all()

    def heard(self, position: str) -> None:
        """Take the NOTIFY of a commit, which may be this process's own."""
        epoch, _, revision = position.partition(":")
        if revision:
            self.committed(int(epoch), int(revision))
        else:
            self.wake_all()


class Publisher:
    """Runs both relays and the answers to resolvers."""

    def __init__(
        self,
        engine: AsyncEngine,
        mutations: Mutations,
        commit_signal: CommitSignal,
        head_reader: HeadReader,
        *,
        database_url: str,
        nats_url: str,
        poll_s: float,
        database: PrimaryDatabase | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._mutations = mutations
        self._head_reader = head_reader
        self._database_url = database_url
        self._nats_url = nats_url
        self._poll_s = poll_s
        self._commit_signal = commit_signal
        self._client: Client | None = None
        self._maintained_s = -MAINTENANCE_EVERY_S
        #: When each relay last completed a step.
        self._stepped_s: dict[str, float] = {}

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def stuck(self) -> list[str]:
        """The relays that make no progress though NATS is there, as with a foreign stream."""
        if not self.connected:
            return []
        now_s = time.monotonic()
        return [name for name, last_s in self._stepped_s.items() if now_s - last_s > STUCK_S]

    def jetstream(self) -> JetStreamContext | None:
        """A JetStream context; None while NATS is away."""
        if self._client is None or not self._client.is_connected:
            return None
        return self._client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)

    async def note_stream(self) -> StreamMark | None:
        """Read where the stream is now; None while NATS is away."""
        if self._client is None:
            return None
        return await jetstream.note(self._client, jetstream.CHANGES)

    async def read_tail(self) -> replication_pb2.Head | None:
        """Read the head in the stream's newest message; None if there is none, or NATS is away."""
        if (js := self.jetstream()) is None:
            return None
        try:
            newest = await js.get_msg(jetstream.CHANGES, subject=jetstream.CHANGES_SUBJECT)
        except (NatsError, OSError, TimeoutError) as error:
            log.info("the stream's newest message cannot be read: %s", error)
            return None
        return parse_tail(newest.data)

    async def run(self) -> None:
        """Connect, then answer and relay until cancelled.

        Answers need no stream: resolvers get the head even if JetStream is off or full.
        """
        self._client = client = await nats_connection.connect(self._nats_url, "cqar-writer")
        answer_head = partial(HeadResponder(self._head_reader).run, client)
        answering = asyncio.create_task(supervise("head service", answer_head, (), PAUSE_MAX_S))
        try:
            fencing = Fencing(self._database, HeadRequests(client).head_of_any)
            bumps = EpochBumpResponder(
                self._engine, self._mutations, self._head_reader, fencing, self._database
            )
            await jetstream.serve(client, jetstream.BUMP_SUBJECT, bumps.answer)
            relay_all = partial(self._relay_all, client, fencing)
            await supervise("streams", relay_all, (), PAUSE_MAX_S)
        finally:
            self._client = None
            await end(answering, apart_s=END_APART_S)
            await nats_connection.close(client)

    async def _relay_all(self, client: Client, fencing: Fencing) -> None:
        """Create the streams and relay; raises when a stream is lost, for the caller to retry."""
        for name in RELAYS:  # without a usable stream there is no progress either
            self._stepped_s.setdefault(name, time.monotonic())
        js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        await streams.ensure_stream(js, streams.changes_config())
        await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
        bump, database = self._mutations.bump_epoch, self._database
        relay = ChangeRelay(self._engine, js, bump, database, fencing)
        events = EventRelay(self._engine, client, bump, database)
        step = partial(self._timed, RELAYS[1], events.step)
        follow_events = partial(follow, step, self._commit_signal.events, self._poll_s)
        loops = dict(zip(RELAYS, (partial(self._relay, relay), follow_events), strict=True))
        self._stepped_s = dict.fromkeys(loops, time.monotonic())
        supervised = (
            supervise(name, run, NotFoundError, PAUSE_MAX_S) for name, run in loops.items()
        )
        running = [asyncio.create_task(loop) for loop in supervised]
        try:
            # A TaskGroup cancels each task once, and waits for ever if that cancellation is lost.
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await end(*running, apart_s=END_APART_S)

    async def _timed(self, name: str, step: Callable[[], Awaitable[bool]]) -> bool:
        """Run a step and note its end; end a step that hangs, to renew its connections."""
        async with asyncio.timeout(STEP_TIMEOUT_S):
            more = await step()
        self._stepped_s[name] = time.monotonic()
        return more

    async def _relay(self, relay: ChangeRelay) -> None:
        with raising_if_cancelled():
            await self._lead_and_relay(relay)

    async def _lead_and_relay(self, relay: ChangeRelay) -> None:
        self._database.require_unfenced()
        async with leader_session(self._database_url, self._commit_signal.heard) as try_to_lead:
            drops = self._database.drops
            # If all other connections were given up, so must this session.
            while self._database.drops == drops:
                leads = await try_to_lead()
                metrics.LEADER.set(leads)
                if leads and time.monotonic() - self._maintained_s >= MAINTENANCE_EVERY_S:
                    self._maintained_s = time.monotonic()
                    await self._maintain()
                if not await self._timed(RELAYS[0], partial(relay.step, leads=leads)):
                    await wait_at_most(self._commit_signal.changes, self._poll_s)
                raise_if_cancelled()

    async def _maintain(self) -> None:
        async with asyncio.timeout(MAINTENANCE_TIMEOUT_S), self._engine.begin() as tx:
            await head_rows.end_if_idle(tx)
            place = await self._database.place(tx)
            await delete_expired_answers(tx)
            await outbox.ensure_partitions(tx, place.revision)
