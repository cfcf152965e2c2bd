"""After a failover two databases have one history: a writer uses the later, and stays there.

Two databases of one server stand for two servers (`tests.support.moving_address`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.errors import Fenced, ServiceNotReady
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.head_requests import HeadRequests
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT
from cqar_shared.replication.positions import Term, position_of, term_of
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_writer.database.epoch_lock import ReadTail, no_tail
from cqar_writer.database.fencing import FenceMonitor, Fencing
from cqar_writer.database.head import HeadReader
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.protocol.log_rows import HeadRow, head_message
from cqar_writer.protocol.terms import Remedy
from cqar_writer.reads.sessions import Reads
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.relays.event_relay import EventRelay
from cqar_writer.store import head_rows
from tests.support.commits import commit, drain, eventually, head_of, raw_messages, running
from tests.support.entity_builders import NOW, a_venue
from tests.support.moving_address import Address, copied, dropped, promoted

KEPT = 3
#: Far beyond any promotion of a test.
FAR = Term(4_000_000_000_000_000, 77)


class Process:
    """What a writer's process has, as `cqar_writer.app` wires it."""

    def __init__(self, address: Address, tail: ReadTail = no_tail) -> None:
        self._address = address
        self.engine = make_engine(address.url, connections_max=8, application="cqar-test")
        self.aside = make_engine(address.url, connections_max=8, application="cqar-test-aside")
        self.database = PrimaryDatabase(NewestPosition(), self.engine, self.aside)
        self.mutations = Mutations(self.engine, lambda: NOW, database=self.database, read_tail=tail)
        self.heads = HeadReader(self.aside, self.database)
        self.reads = Reads(self.engine, self.database)

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Connections in both pools that are in use meanwhile, and kept then."""
        async with AsyncExitStack() as stack:
            for engine in (self.engine, self.aside) * KEPT:
                tx = await stack.enter_async_context(engine.connect())
                await head_rows.read_head(tx)
                await tx.rollback()
            yield

    async def commit(self, name: str) -> int:
        """Commit a venue, as a caller who tries again while the writer says UNAVAILABLE."""
        for _ in range(10):
            try:
                return await commit(self.mutations, a_venue(name))
            except ServiceNotReady:
                continue
        message = "never committed"
        raise AssertionError(message)

    async def move_to(self, dsn: str) -> None:
        """Let the address lead to a database, and close all connections."""
        self._address.lead_to(dsn)
        await self.close()

    async def close(self) -> None:
        await dispose(self.engine)
        await dispose(self.aside)


class Two:
    """The database that was the registry's, and the one that took its place: of one history.

    Attributes:
        address: Leads to the older.
    """

    def __init__(self, address: Address, older: str, later: str) -> None:
        self.address, self.older, self.later = address, older, later

    async def outbox(self, dsn: str) -> list[tuple[int, int]]:
        """(epoch, revision) of all that was committed there."""
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch("SELECT epoch, revision FROM outbox ORDER BY revision")
        finally:
            await connection.close()
        return [(row["epoch"], row["revision"]) for row in rows]


async def write(dsn: str, *names: str) -> None:
    """Commit venues by a writer that ends then."""
    engine = make_engine(dsn, connections_max=1, application="cqar-test")
    for name in names:
        await commit(Mutations(engine, lambda: NOW), a_venue(name))
    await dispose(engine)


@pytest.fixture
async def two(database: str, addresses: Path) -> AsyncIterator[Two]:
    assert addresses
    await write(database, *"abc")
    later = await copied(database)
    yield Two(Address(database), database, later)
    await dropped(later)


@pytest.fixture
async def process(two: Two) -> AsyncIterator[Process]:
    made = Process(two.address)
    yield made
    await made.close()


async def test_once_it_committed_in_the_later_nothing_is_read_or_written_in_the_older(
    two: Two, process: Process
) -> None:
    await promoted(two.later)
    async with process.holding():
        two.address.lead_to(two.later)
        assert await process.commit("d") == 5
    # What was in use leads to the older, and is what the pools would give next.
    for number in range(2 * KEPT):
        try:
            head = await process.heads.read()
        except ServiceNotReady:
            pass
        else:
            assert head.epoch == 2
        try:
            async with process.reads.begin() as reading:
                assert reading.position.epoch == 2
        except ServiceNotReady:
            pass
        assert await process.commit(f"e{number}") == 6 + number
    assert await two.outbox(two.older) == [(1, 1), (1, 2), (1, 3)]
    assert len(await two.outbox(two.later)) == 5 + 2 * KEPT


async def test_what_was_begun_in_the_older_is_not_acknowledged_once_there_is_a_later(
    two: Two, process: Process
) -> None:
    await promoted(two.later)

    async def begin_in_the_older() -> None:
        async with process.mutations.write_lock() as (tx, _):
            two.address.lead_to(two.later)
            assert await process.commit("d") == 5
            await tx.commit()

    with pytest.raises(ServiceNotReady, match="failed over"):
        await begin_in_the_older()


@pytest.mark.parametrize("finder", ["a commit", "a head that is read", "a relay", "events"])
async def test_one_failover_is_one_epoch_beyond_all_that_is_known(
    finder: str, two: Two, client: Client, js: JetStreamContext
) -> None:
    """It knows of five revisions, the stream of seven, the later database of three."""

    async def tail() -> replication_pb2.Head:
        newest = await js.get_msg(CHANGES, subject=CHANGES_SUBJECT)
        return replication_pb2.StreamMessage.FromString(newest.data or b"").head

    process = Process(two.address, tail)
    await commit(process.mutations, a_venue("d"))
    await commit(process.mutations, a_venue("e"))
    await write(two.older, "f", "g")
    older = make_engine(two.older, connections_max=1, application="cqar-test")
    await drain(ChangeRelay(older, js, Mutations(older, lambda: NOW).bump_epoch))
    await dispose(older)
    await promoted(two.later)
    await process.move_to(two.later)
    relay = ChangeRelay(process.aside, js, process.mutations.bump_epoch, process.database)
    events = EventRelay(process.aside, client, process.mutations.bump_epoch, process.database)
    async with running(process.mutations.epochs.run()):
        if finder == "a head that is read":
            with pytest.raises(ServiceNotReady):
                await process.heads.read()
        elif finder == "a relay":
            await relay.step(leads=True)
        elif finder == "events":
            await events.step()

        async def has_begun() -> bool:
            return finder == "a commit" or len(await two.outbox(two.later)) == 4

        await eventually(has_begun)
        assert await process.commit("h") == 9
    await drain(relay)
    while await events.step():
        pass
    assert await two.outbox(two.later) == [(1, 1), (1, 2), (1, 3), (2, 8), (2, 9)]
    used = {revision for _, revision in (await two.outbox(two.older))[3:]}
    assert not used & {revision for _, revision in (await two.outbox(two.later))[3:]}
    async with process.engine.connect() as tx:
        head = await head_rows.read_head(tx)
    assert term_of(head).promoted_at_us > 0
    assert process.database.newest.seen.term == term_of(head)
    await process.close()


async def test_an_epoch_begins_only_where_the_address_leads_now(two: Two, process: Process) -> None:
    """Also if the promoted server was replaced before any writer came, and is not stopped."""
    await promoted(two.later)
    two.address.lead_to(two.later)
    for _ in range(2):
        async with process.engine.connect() as tx:
            assert (await process.database.look(tx)).remedy is Remedy.RENEW
    two.address.lead_to(two.older)
    assert not await process.mutations.epochs.renew()
    assert await two.outbox(two.later) == [(1, 1), (1, 2), (1, 3)]
    two.address.lead_to(two.later)
    assert await process.commit("d") == 4
    assert await two.outbox(two.later) == [(1, 1), (1, 2), (1, 3)]
    await process.close()
    assert await process.commit("e") == 6
    assert (await two.outbox(two.later))[3:] == [(2, 5), (2, 6)]


async def test_a_database_that_fell_back_and_went_on_beyond_what_it_lost_is_told_by_its_chain(
    two: Two, process: Process
) -> None:
    await commit(process.mutations, a_venue("lost"))
    await write(two.later, "x", "y", "z")
    await process.move_to(two.later)
    with pytest.raises(ServiceNotReady):
        await process.heads.read()
    assert await process.commit("h") == 8
    assert (await two.outbox(two.later))[-3:] == [(1, 6), (2, 7), (2, 8)]


async def test_a_database_that_lost_commits_begins_an_epoch_beyond_them(
    two: Two, process: Process
) -> None:
    for name in "def":
        await commit(process.mutations, a_venue(name))
    await process.move_to(two.later)
    assert await process.commit("g") == 8
    assert (await two.outbox(two.later))[3:] == [(2, 7), (2, 8)]


async def test_an_address_that_leads_back_fences_the_writer_until_it_leads_to_the_later(
    two: Two, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_writer.database.fencing.LOOK_EVERY_S", 0.1)
    await promoted(two.later)
    two.address.lead_to(two.later)
    assert await process.commit("d") == 5
    await process.move_to(two.older)
    told: list[bool] = []
    async with running(FenceMonitor(process.aside, process.database, told.append).run()):
        for _ in range(2):
            with pytest.raises(ServiceNotReady):
                await process.heads.read()
        assert process.database.is_fenced
        refused_commit = partial(commit, process.mutations, a_venue("refused"))
        for refused in (process.heads.read, process.heads.confirmed, refused_commit):
            with pytest.raises(Fenced, match="ask another writer"):
                await refused()
        await eventually(lambda: told == [True])
        two.address.lead_to(two.later)
        await eventually(lambda: told == [True, False])
        assert await process.commit("e") == 6
    assert await two.outbox(two.older) == [(1, 1), (1, 2), (1, 3)]


# ------------------------------------------------------------ the stream


def says(head: HeadRow, term: Term) -> bytes:
    """A message of a head's own position, that speaks for another database."""
    told = head_message(head)
    told.promoted_at_us, told.timeline = term
    told.revision += 1
    told.chain = b"f" * 32
    message = replication_pb2.StreamMessage(head=told)
    message.heartbeat.SetInParent()
    return message.SerializeToString()


async def test_no_epoch_begins_while_the_streams_newest_message_speaks_for_a_later_database(
    engine: AsyncEngine,
) -> None:
    said = [head_message(await head_of(engine))]

    async def tail() -> replication_pb2.Head:
        return said[-1]

    mutations = Mutations(engine, lambda: NOW, read_tail=tail)
    await commit(mutations, a_venue("a"))
    later = head_message(await head_of(engine))
    later.promoted_at_us, later.timeline = FAR
    said.append(later)
    assert not await mutations.bump_epoch(1, 1, 5)
    assert (await head_of(engine)).epoch == 1
    said.pop()
    assert await mutations.bump_epoch(1, 1, 5)
    # Where the database itself was promoted, it is the later one.
    said.append(later)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET timeline_id = timeline_id + 1"))
    assert await commit(mutations, a_venue("b")) == 8


@pytest.fixture
def fencing(engine: AsyncEngine, client: Client) -> tuple[PrimaryDatabase, Fencing]:
    database = PrimaryDatabase(NewestPosition(), engine)
    return database, Fencing(database, HeadRequests(client).head_of_any)


async def test_a_message_of_a_later_database_that_nobody_answers_from_fences_nobody(
    client: Client,
    js: JetStreamContext,
    engine: AsyncEngine,
    mutations: Mutations,
    fencing: tuple[PrimaryDatabase, Fencing],
) -> None:
    database, asks = fencing
    relay = ChangeRelay(engine, js, mutations.bump_epoch, database, asks)
    await commit(mutations, a_venue("a"))
    await drain(relay)
    await jetstream.serve(client, jetstream.HEAD_ALL_SUBJECT, HeadReader(engine).answer, queue="")
    await js.publish(CHANGES_SUBJECT, says(await head_of(engine), FAR))
    await drain(relay)
    await commit(mutations, a_venue("b"))
    await drain(relay)
    assert not database.is_fenced
    heads = [
        replication_pb2.StreamMessage.FromString(raw.data or b"").head
        for raw in await raw_messages(js, CHANGES)
    ]
    assert [position_of(head)[:2] for head in heads if head.chain != b"f" * 32][-2:] == [
        (1, 1),
        (1, 2),
    ]
    assert (await head_of(engine)).epoch == 1


async def test_a_database_that_lost_commits_goes_on_also_behind_a_message_that_nobody_stands_up_for(
    two: Two, client: Client, js: JetStreamContext, process: Process
) -> None:
    await commit(process.mutations, a_venue("lost"))
    asks = Fencing(process.database, HeadRequests(client).head_of_any)
    relay = ChangeRelay(process.aside, js, process.mutations.bump_epoch, process.database, asks)
    await drain(relay)
    await js.publish(CHANGES_SUBJECT, says(await head_of(process.engine), FAR))
    await process.move_to(two.later)
    again = ChangeRelay(process.aside, js, process.mutations.bump_epoch, process.database, asks)

    async def has_begun() -> bool:
        await drain(again)
        return [epoch for epoch, _ in await two.outbox(two.later)] == [1, 1, 1, 2]

    async with running(process.mutations.epochs.run()):
        await eventually(has_begun)
    await drain(again)
    assert not process.database.is_fenced
    newest = (await raw_messages(js, CHANGES))[-1].data or b""
    assert replication_pb2.StreamMessage.FromString(newest).head.epoch == 2


async def test_a_relay_that_another_writer_overtook_publishes_nothing_more(
    client: Client,
    js: JetStreamContext,
    engine: AsyncEngine,
    mutations: Mutations,
    fencing: tuple[PrimaryDatabase, Fencing],
) -> None:
    database, asks = fencing
    relay = ChangeRelay(engine, js, mutations.bump_epoch, database, asks)
    events = EventRelay(engine, client, mutations.bump_epoch, database)
    await commit(mutations, a_venue("a"))
    await drain(relay)
    later = head_message(await head_of(engine))
    later.promoted_at_us, later.timeline = FAR

    async def answer(_: bytes) -> bytes:
        return later.SerializeToString()

    await jetstream.serve(client, jetstream.HEAD_ALL_SUBJECT, answer, queue="")
    await js.publish(CHANGES_SUBJECT, says(await head_of(engine), FAR))
    published = len(await raw_messages(js, CHANGES))
    await commit(mutations, a_venue("b"))

    async def drain_events() -> None:
        while await events.step():
            pass

    for drains in (lambda: drain(relay), drain_events) * 2:
        with pytest.raises(ServiceNotReady):
            await drains()
    assert database.is_fenced
    assert len(await raw_messages(js, CHANGES)) == published
    assert (await js.stream_info(jetstream.EVENTS)).state.messages == 0
    async with engine.connect() as tx:
        assert (await tx.execute(sa.text("SELECT max(epoch) FROM outbox"))).scalar_one() == 1
