"""`idempotency-key`: a mutation that is sent again gets its first answer and changes nothing.

The answer is kept in the transaction that made the change, so there is no moment at which one
is there without the other. Keys are the caller's own, by actor and method.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.request_limits import ASIDE_BYTES
from cqar_shared.runtime.event_loop import run_off_loop

HEADER: Final = "idempotency-key"
KEY_CHARS_MAX: Final = 256
KEPT_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A request that may be sent again."""

    actor: str
    rpc: str
    key: str
    request_hash: bytes


async def once_of(request: Any, context: Context) -> IdempotencyKey | None:
    """The request's key, if it has one.

    Raises:
        Invalid: It is too long.
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


def require_same(once: IdempotencyKey, request_hash: bytes) -> None:
    """Refuse a key that was used for something else.

    Raises:
        Invalid: It was.
    """
    if once.request_hash != request_hash:
        message = "was used for another request: a key is for one request and its repetitions"
        raise Invalid([FieldViolation(HEADER, "REUSED", message)])
