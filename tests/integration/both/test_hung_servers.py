"""A server that takes what is sent and never answers keeps nobody waiting for good.

The kernel tells nothing of it: each end acknowledges what the other sends. So only deadlines help.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_shared.rpc.error_mapping import is_away
from cqar_shared.sql import pg_session, postgres
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_writer.relays import leadership
from cqar_writer.relays.leadership import LEADER_LOCK
from tests.support.commits import eventually
from tests.support.partitioned_link import Partitioned, partitioned_link_to
from tests.support.tcp_proxy import link_to

#: Ends a failure.
END_S = 30.0
BRIEF_S = 0.3
ONE = sa.text("SELECT 1")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg_session, "BRIEF_TIMEOUT_S", BRIEF_S)


@asynccontextmanager
async def engine_behind(database: str, most: int) -> AsyncIterator[tuple[Partitioned, AsyncEngine]]:
    """An engine all of whose connections are open, and the link that they lead through."""
    async with partitioned_link_to(database) as (link, through):
        engine = make_engine(through, connections_max=most, application="cqar-test")
        try:
            open_now = [await engine.connect() for _ in range(most)]
            for tx in open_now:
                await tx.execute(ONE)
                await tx.close()
            yield link, engine
        finally:
            await dispose(engine)


async def read(engine: AsyncEngine) -> int:
    async with engine.connect() as tx:
        found: int = (await tx.execute(ONE)).scalar_one()
        return found


@pytest.mark.usefixtures("brief")
async def test_a_transaction_that_cannot_begin_ends(database: str) -> None:
    async with engine_behind(database, 1) as (link, engine):
        link.answers.clear()
        async with asyncio.timeout(END_S):
            with pytest.raises(sa.exc.DBAPIError) as raised:
                await read(engine)
        assert is_away(raised.value)


@pytest.mark.usefixtures("brief")
async def test_a_transaction_that_cannot_be_rolled_back_ends(database: str) -> None:
    async with engine_behind(database, 1) as (link, engine), asyncio.timeout(END_S):
        async with engine.connect() as tx:
            await tx.execute(ONE)
            link.answers.clear()
        link.cut()
        link.answers.set()
        assert await read(engine) == 1


async def test_a_caller_that_gives_up_does_not_wait_for_the_server_to_hear_of_it(
    database: str,
) -> None:
    tries, polite_s = 6, 2.0
    async with AsyncExitStack() as stack:
        behind = [await stack.enter_async_context(engine_behind(database, 1)) for _ in range(tries)]
        async with asyncio.timeout(tries * polite_s * 0.8):
            for link, engine in behind:
                link.freeze()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await read(engine)


async def test_where_one_idle_connection_is_dead_no_other_of_its_age_is_used(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "BELIEVED_S", 0.0)
    monkeypatch.setattr(postgres, "PING_TIMEOUT_S", BRIEF_S)
    most = 4
    async with engine_behind(database, most) as (link, engine), asyncio.timeout(END_S):
        link.halve("server")
        assert await read(engine) == 1
        monkeypatch.setattr(postgres, "PING_TIMEOUT_S", 3600.0)
        assert await asyncio.gather(*(read(engine) for _ in range(most))) == [1] * most


@asynccontextmanager
async def leading(url: str) -> AsyncIterator[object]:
    async with leadership.leader_session(url, lambda _: None) as try_to_lead:

        async def leads() -> bool:
            found: bool = await try_to_lead()
            return found

        await eventually(leads, END_S)
        yield try_to_lead


async def test_a_leader_hears_that_its_session_does_not_answer(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "KEEPALIVE_EVERY_S", 0.1)
    monkeypatch.setattr(leadership, "QUERY_TIMEOUT_S", BRIEF_S)
    async with link_to(database) as (link, through), leading(through) as try_to_lead:
        assert callable(try_to_lead)
        link.answers.clear()

        async def fails() -> bool:
            try:
                await try_to_lead()
            except OSError:
                return True
            return False

        await eventually(fails, END_S)


async def test_a_leader_that_says_nothing_frees_the_lock(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "SESSION_IDLE_MS", 500)
    monkeypatch.setattr(leadership, "KEEPALIVE_EVERY_S", 3600.0)
    async with leading(database):
        other = await asyncpg.connect(database)
        try:

            async def is_free() -> bool:
                got: bool = await other.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)
                return got

            await eventually(is_free, END_S)
        finally:
            await other.close()


async def test_a_resolver_gives_up_a_server_that_falls_silent(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with link_to(database) as (link, through):
        session = await pg_session.connect(through, "cqar-test", command_timeout_s=3600)
        link.answers.clear()
        async with asyncio.timeout(END_S):
            with pytest.raises(asyncpg.PostgresConnectionError):
                await session.answered(session.fetchval("SELECT 1"), BRIEF_S)
        assert session.is_closed()


async def test_what_comes_slowly_is_waited_for(database: str) -> None:
    async with link_to(database) as (link, through):
        session = await pg_session.connect(through, "cqar-test", command_timeout_s=3600)
        link.delay_s = 0.1
        asked = session.fetchval("SELECT repeat('x', 3000000)")
        assert len(await session.answered(asked, 2.0)) == 3_000_000
        await session.close()


async def test_a_resolver_that_asks_for_the_head_does_not_wait_for_good(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_session.Session.answered, "__defaults__", (BRIEF_S,))
    async with link_to(database) as (link, through):
        mine = RegistryDatabase(through)
        await mine.look(0)
        begun = pg_session.Session.execute

        async def falls_silent(self: pg_session.Session, query: str, **more: float) -> str:
            said = await begun(self, query, **more)
            link.answers.clear()
            return said

        monkeypatch.setattr(pg_session.Session, "execute", falls_silent)
        async with asyncio.timeout(END_S):
            with pytest.raises(asyncpg.PostgresConnectionError):
                await mine.look(0)
