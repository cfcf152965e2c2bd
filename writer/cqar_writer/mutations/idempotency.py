"""`idempotency-key`: a mutation that is sent again gets its first answer and changes nothing.

The answer is stored in the transaction that makes the change, so neither exists without the other.
Keys belong to their actor and method. Functions that take `tx` need an open transaction.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.request_limits import ASIDE_BYTES
from cqar_shared.runtime.event_loop import run_off_loop
from cqar_shared.sql.schema import idempotency_keys

HEADER: Final = "idempotency-key"
KEY_CHARS_MAX: Final = 256
KEPT_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Names a request that may be sent again."""

    actor: str
    rpc: str
    key: str
    request_hash: bytes


async def idempotency_key_of(request: Any, context: Context) -> IdempotencyKey | None:
    """Return the request's key, if it has one.

    Raises:
        Invalid: the key is too long or contains NUL.
    """
    key = str(dict(context.invocation_metadata() or ()).get(HEADER, ""))
    if not key:
        return None
    if len(key) > KEY_CHARS_MAX or "\0" in key:
        message = f"at most {KEY_CHARS_MAX} characters, none of them NUL"
        raise Invalid([FieldViolation(HEADER, "MALFORMED", message)])
    digest = await run_off_loop(request.ByteSize() > ASIDE_BYTES, _hash_of, request)
    rpc = request.DESCRIPTOR.full_name
    return IdempotencyKey(auth.caller.get().actor, rpc, key, digest)


def _hash_of(request: Any) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


async def load_answer(tx: AsyncConnection, key: IdempotencyKey | None) -> bytes | None:
    """Return the answer that this key got within the last 24 hours, if any.

    Raises:
        Invalid: the key was used for another request.
    """
    if key is None:
        return None
    table = idempotency_keys
    query = sa.select(table.c.request_hash, table.c.response).where(
        table.c.actor == key.actor, table.c.rpc == key.rpc, table.c.key == key.key
    )
    row = (await tx.execute(query.where(table.c.created_at > _expired_before()))).first()
    if row is None:
        return None
    if row.request_hash != key.request_hash:
        message = "was used for another request: a key is for one request and its repetitions"
        raise Invalid([FieldViolation(HEADER, "REUSED", message)])
    return bytes(row.response)


async def store_answer(tx: AsyncConnection, key: IdempotencyKey | None, response: bytes) -> None:
    if key is None:
        return
    statement = insert(idempotency_keys).values(
        actor=key.actor,
        rpc=key.rpc,
        key=key.key,
        request_hash=key.request_hash,
        response=response,
    )
    changed = {name: statement.excluded[name] for name in ("request_hash", "response")}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["actor", "rpc", "key"],
            set_={**changed, "created_at": sa.func.now()},
        )
    )


async def delete_expired_answers(tx: AsyncConnection) -> None:
    table = idempotency_keys
    await tx.execute(sa.delete(table).where(table.c.created_at <= _expired_before()))


def _expired_before() -> sa.ColumnElement[Any]:
    return sa.func.now() - dt.timedelta(hours=KEPT_HOURS)
