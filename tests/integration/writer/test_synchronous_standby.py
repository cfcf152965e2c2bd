"""Where a standby must confirm, nothing is acknowledged or read that only the primary has.

No standby is there: each COMMIT waits for it, until the setting goes.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_writer.database import confirmed_commit
from cqar_writer.database.head import HeadReader
from cqar_writer.mutations import AppliedMutation, Mutations
from cqar_writer.mutations.idempotency import IdempotencyKey
from tests.support.commits import CAUSE, commit, eventually, head_of, upsert
from tests.support.entity_builders import a_venue

#: Long enough for a change that waits for nothing; nothing is asserted of what takes less.
WAITED_S = 1.0
KEY = IdempotencyKey("tester", "Apply", "key-1", b"h" * 32)


@asynccontextmanager
async def connected(servers: EmbeddedServers) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(servers.postgres)
    try:
        yield connection
    finally:
        await connection.close()


async def wants_standby(servers: EmbeddedServers, names: str) -> None:
    async with connected(servers) as admin:
        await admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        await admin.execute("SELECT pg_reload_conf()")

        async def is_set() -> bool:
            async with connected(servers) as fresh:
                found: str = await fresh.fetchval("SHOW synchronous_standby_names")
                return found == names

        await eventually(is_set)


@asynccontextmanager
async def standby_away(servers: EmbeddedServers) -> AsyncIterator[None]:
    await wants_standby(servers, "nobody")
    try:
        yield
    finally:
        await wants_standby(servers, "")


async def apply(
    mutations: Mutations, name: str, key: IdempotencyKey | None = KEY
) -> AppliedMutation:
    item = upsert(a_venue("v", name=name))
    return await mutations.apply(
        [item],
        CAUSE,
        idempotency_key=key,
        encode_answer=lambda applied: str(applied.revision).encode(),
    )


async def waits(task: asyncio.Task[AppliedMutation]) -> bool:
    done, _ = await asyncio.wait([task], timeout=WAITED_S)
    return not done


async def test_a_caller_that_gives_up_does_not_make_a_commit_of_the_primary_alone(
    servers: EmbeddedServers, engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("v"))
    async with standby_away(servers):
        given_up = asyncio.create_task(apply(mutations, "new"))
        assert await waits(given_up)
        given_up.cancel()
        await asyncio.wait([given_up], timeout=WAITED_S)
        assert (await head_of(engine)).revision == 1
    await asyncio.wait([given_up])
    assert given_up.cancelled()
    assert (await head_of(engine)).revision == 2
    assert (await apply(mutations, "new")).replay == b"2"


@pytest.mark.parametrize("repeated", ["an answer that is kept", "a change that changes nothing"])
async def test_what_was_made_before_is_acknowledged_only_as_a_commit_would_be(
    repeated: str, servers: EmbeddedServers, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("v"))
    await apply(mutations, "new")
    once = KEY if repeated == "an answer that is kept" else None
    async with standby_away(servers):
        again = asyncio.create_task(apply(mutations, "new", once))
        assert await waits(again)
    applied = await again
    assert (applied.replay, applied.committed) == (b"2" if once else None, False)


async def waiting_for_standby(servers: EmbeddedServers) -> int:
    async with connected(servers) as admin:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        found: int = await admin.fetchval(waiting)
        return found


async def test_a_head_is_told_only_once_a_commit_after_the_question_is_confirmed(
    servers: EmbeddedServers,
    engine: AsyncEngine,
    mutations: Mutations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cqar_writer.database.head.READ_TIMEOUT_S", 0.5)
    await commit(mutations, a_venue("v"))
    heads = HeadReader(engine)
    async with standby_away(servers):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await heads.answer(b"")
        assert (await heads.read()).revision == 1

        async def has_ended() -> bool:
            return await waiting_for_standby(servers) == 0

        # Nobody is left behind in PostgreSQL, however often one asks.
        await eventually(has_ended)
        asked = asyncio.create_task(heads.answer(b""))

        async def waits_there() -> bool:
            return asked.done() or await waiting_for_standby(servers) > 0

        await eventually(waits_there)
    told = replication_pb2.Head.FromString(await heads.answer(b""))
    assert told.revision == 1
    await asyncio.wait([asked])
    assert asked.exception() is None or isinstance(asked.exception(), TimeoutError)


async def test_a_kept_answer_of_a_change_that_changes_nothing_waits_too(
    servers: EmbeddedServers, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("v"))
    await apply(mutations, "new")
    async with standby_away(servers):
        other = dataclasses.replace(KEY, key="key-2")
        again = asyncio.create_task(apply(mutations, "new", other))
        assert await waits(again)
    assert not (await again).committed


async def test_a_commit_that_is_given_up_is_not_one_of_the_primary_alone_either(
    servers: EmbeddedServers,
    engine: AsyncEngine,
    mutations: Mutations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confirmed_commit, "ABANDONED_S", 0.2)
    await commit(mutations, a_venue("v"))
    async with standby_away(servers):
        given_up = asyncio.create_task(apply(mutations, "new"))
        assert await waits(given_up)
        given_up.cancel()
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        # What would be cancelled would be seen by now.
        await asyncio.sleep(WAITED_S)
        assert (await head_of(engine)).revision == 1
