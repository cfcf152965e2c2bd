"""Committing entities as a test states them, and waiting for what follows."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.runtime.tasks import end
from cqar_writer.mutations import AppliedMutation, Cause, Mutations
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.store import head_rows, outbox
from tests.support.memory_registry_view import KIND_OF

CAUSE = Cause("tester", "because")


def upsert(entity: Entity, **options: Any) -> Item:
    options = {"intent": ChangeIntent.UPSERT, **options}
    return Item(kind=KIND_OF[type(entity)], given=entity, fresh=str(uuid.uuid4()), **options)


def removal(kind: str, key: str) -> Item:
    return Item(kind=KIND_BY_NAME[kind], intent=ChangeIntent.REMOVE, key=key)


async def apply(
    mutations: Mutations, entities: Iterable[Entity], **options: bool
) -> AppliedMutation:
    """Apply all as one request, of which no item is rejected."""
    applied = await mutations.apply([upsert(entity) for entity in entities], CAUSE, **options)
    assert [(o.violations, str(o.error)) for o in applied.outcomes if o.error] == []
    return applied


async def commit(mutations: Mutations, *entities: Entity) -> int:
    """Commit all as one revision, and return it."""
    applied = await apply(mutations, entities)
    assert applied.committed
    return applied.revision


async def head_of(engine: AsyncEngine) -> HeadRow:
    async with engine.connect() as tx:
        return await head_rows.read_head(tx)


async def outbox_rows(engine: AsyncEngine) -> list[OutboxRow]:
    async with engine.connect() as tx:
        return await outbox.rows_after(tx, 0, 100)


async def lose_commits_after(engine: AsyncEngine, revision: int) -> None:
    """Take the database back to a revision, as a failover that lost commits does.

    Only for histories that added venues, one each: what a later revision added goes.
    """
    async with engine.begin() as tx:
        gone = {"revision": revision}
        await tx.execute(sa.text("DELETE FROM outbox WHERE revision > :revision"), gone)
        await tx.execute(sa.text("DELETE FROM current WHERE revision > :revision"), gone)
        left = "SELECT key FROM current WHERE kind = 'venue'"
        await tx.execute(sa.text(f"DELETE FROM venues WHERE venue_id NOT IN ({left})"))
        columns = ("epoch", "revision", "chain", "live_count", "set_hash", "chain_version")
        columns += ("signature", "signing_key_id")
        assignments = ", ".join(f"{name} = o.{name}" for name in columns)
        back = f"UPDATE registry_head SET {assignments} FROM outbox o WHERE o.revision = :revision"
        assert (await tx.execute(sa.text(back), gone)).rowcount == 1


async def drain(relay: ChangeRelay) -> None:
    """Publish all there is to publish."""
    while await relay.step(leads=True):
        pass


async def raw_messages(js: JetStreamContext, stream: str) -> list[RawStreamMsg]:
    """All that a stream holds, in order."""
    state = (await js.stream_info(stream)).state
    found = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        try:
            found.append(await js.get_msg(stream, seq=sequence))
        except NotFoundError:
            continue
    return found


async def eventually(holds: Callable[[], Awaitable[bool] | bool], seconds: float = 10.0) -> None:
    """Wait until it holds; `seconds` only bounds a failure."""
    async with asyncio.timeout(seconds):
        while True:
            found: Any = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[asyncio.Future[None]]:
    """Run it beside the test, and end it with the test."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        await end(task)
