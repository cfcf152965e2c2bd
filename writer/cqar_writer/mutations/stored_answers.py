"""Answers kept for idempotency keys, in SQL; each function needs an open transaction."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.sql.schema import idempotency_keys
from cqar_writer.mutations.idempotency import KEPT_HOURS, IdempotencyKey


class KeptAnswer(NamedTuple):
    request_hash: bytes
    response: bytes


async def kept_answer(tx: AsyncConnection, once: IdempotencyKey) -> KeptAnswer | None:
    """The answer that this key got within the last 24 hours."""
    table = idempotency_keys
    query = sa.select(table.c.request_hash, table.c.response).where(
        table.c.actor == once.actor, table.c.rpc == once.rpc, table.c.key == once.key
    )
    row = (await tx.execute(query.where(table.c.created_at > _forgotten_before()))).first()
    return None if row is None else KeptAnswer(*row)


async def keep_answer(tx: AsyncConnection, once: IdempotencyKey, response: bytes) -> None:
    statement = insert(idempotency_keys).values(
        actor=once.actor,
        rpc=once.rpc,
        key=once.key,
        request_hash=once.request_hash,
        response=response,
    )
    changed = {name: statement.excluded[name] for name in ("request_hash", "response")}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["actor", "rpc", "key"],
            set_={**changed, "created_at": sa.func.now()},
        )
    )


async def forget_answers(tx: AsyncConnection) -> None:
    table = idempotency_keys
    await tx.execute(sa.delete(table).where(table.c.created_at <= _forgotten_before()))


def _forgotten_before() -> sa.ColumnElement[Any]:
    return sa.func.now() - dt.timedelta(hours=KEPT_HOURS)
