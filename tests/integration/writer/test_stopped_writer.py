"""A writer that is stopped while it holds the registry's write lock, and one that is only slow."""

from __future__ import annotations

import asyncio
import time

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.evaluation import Batch
from cqar_shared.rpc.error_mapping import is_away
from cqar_writer.mutations import Mutations
from cqar_writer.relays import leadership
from cqar_writer.store import head_rows
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.stopped_writer import APPLICATION, stopped_holder

LIMIT_S = 60.0
BOUND_MS = 5_000
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :application"


async def settings_of(engine: AsyncEngine, *, holding: bool) -> list[str]:
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    async with engine.connect() as tx:
        if holding:
            await head_rows.lock_head(tx)
        return [(await tx.execute(sa.text(f"SHOW {name}"))).scalar_one() for name in names]


async def test_who_holds_the_write_lock_loses_it_within_seconds_of_silence(
    engine: AsyncEngine,
) -> None:
    usual = await settings_of(engine, holding=False)
    assert await settings_of(engine, holding=True) == ["1s", "4s"]
    assert await settings_of(engine, holding=False) == usual == ["5s", "10s"]
    assert head_rows.LOCK_ATTEMPT_MS + head_rows.HOLDER_IDLE_MS <= BOUND_MS
    assert leadership.SESSION_IDLE_MS < BOUND_MS


async def test_a_stopped_writer_keeps_no_lock_and_none_of_its_connections_waits_for_one(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    async def waiting() -> int:
        query = f"{_SESSIONS} AND wait_event_type = 'Lock'"
        async with engine.connect() as tx:
            found: int = (
                await tx.execute(sa.text(query), {"application": APPLICATION})
            ).scalar_one()
            return found

    async def none_waits() -> bool:
        return await waiting() == 0

    async def is_committed() -> bool:
        try:
            await commit(mutations, a_venue("v"))
        except sa.exc.DBAPIError:
            return False
        return True

    async with stopped_holder(database, waiters=3):
        await eventually(none_waits, LIMIT_S)
        await eventually(is_committed, LIMIT_S)


async def test_a_mutation_that_is_judged_for_long_keeps_its_lock(
    mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, slow_s = Batch.judge, [head_rows.HOLDER_IDLE_MS / 1000 + 1.5]

    def judge_slowly(*args: object) -> object:
        if slow_s:
            time.sleep(slow_s.pop())
        return judge(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "judge", judge_slowly)
    assert await commit(mutations, *(a_venue(f"v{number}") for number in range(21))) == 1


@pytest.mark.parametrize("is_heard", [False, True], ids=["in_a_statement", "between_statements"])
async def test_who_wakes_and_has_lost_its_transaction_says_that_it_may_be_tried_again(
    engine: AsyncEngine, is_heard: bool
) -> None:
    async with engine.connect() as tx:
        await tx.execute(
            sa.text("SELECT set_config('idle_in_transaction_session_timeout', '100', true)")
        )
        # As where the whole process is stopped: nothing is read meanwhile.
        time.sleep(1.0)  # noqa: ASYNC251
        if is_heard:
            await asyncio.sleep(0.5)
        with pytest.raises(sa.exc.DBAPIError) as caught:
            await tx.execute(sa.text("SELECT"))
        assert is_away(caught.value)
