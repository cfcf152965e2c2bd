"""Whether each signature in the registry is what it says, read off PostgreSQL itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY, SigningKey
from cqar_shared.trust.trusted_keys import KEYS_MAX, TrustedKeys, Unsigned

ROWS_AT_ONCE: Final = 500
_OF_HEAD: Final = "epoch, revision, chain, live_count, set_hash, signature, signing_key_id"
_HEAD: Final = f"SELECT registry_id, {_OF_HEAD} FROM registry_head"  # noqa: S608  (a constant)
_SIGNED: Final = f"SELECT {_OF_HEAD} FROM outbox WHERE signature IS NOT NULL ORDER BY revision"  # noqa: S608
_KEYS: Final = f"""
    SELECT payload FROM current WHERE kind = '{SIGNING_KEY.name}' AND NOT deleted
    LIMIT {KEYS_MAX + 1}
"""  # noqa: S608  (constants)


class Signed(NamedTuple):
    """What is signed, each signature checked.

    Attributes:
        revisions: How many are.
        first: The first of them; None where none is.
        is_head: Whether the head is: by its chain that covers all before it.
        by_trusted: Whether the head's key was asked to be one from outside.
    """

    revisions: int
    first: int | None
    is_head: bool
    by_trusted: bool


class Misstated(Exception):
    """A signature is not what it says; the text says why.

    Attributes:
        table, key: The row that it stands in; of the outbox, EPOCH:REVISION.
    """

    def __init__(self, table: str, key: str, why: str) -> None:
        super().__init__(why)
        self.table = table
        self.key = key


async def signatures_of(connection: Any, trusted: Sequence[bytes] | None) -> Signed:
    """Check the signature of every revision that has one, and the head's.

    Revisions are held against the registry's own keys, which the head's set hash covers: so that
    what a key signed that is retired, and not trusted any more, stays as valid as it was.

    Args:
        connection: In the transaction that everything else is compared in.
        trusted: Public keys, one of which, or one that they lead to, must have signed the head.
            None: the registry's own keys will do.

    Raises:
        Misstated: A signature is not what it says, or with `trusted` the head has none.
    """
    head = await connection.fetchrow(_HEAD)
    registry_id = head["registry_id"]
    try:
        keys = [
            entity_codec.decode(SIGNING_KEY, row["payload"])
            for row in await connection.fetch(_KEYS)
        ]
    except (DecodeError, ValueError):
        raise Unsigned("a signing key of the registry cannot be read") from None
    trust = _trust_in(registry_id, keys)
    count, first = 0, None
    async for row in connection.cursor(_SIGNED, prefetch=ROWS_AT_ONCE):
        _require(trust, registry_id, row, "outbox", f"{row['epoch']}:{row['revision']}")
        count, first = count + 1, row["revision"] if first is None else first
    is_head = head["signature"] is not None
    if trusted is not None:
        trust = TrustedKeys(trusted).having(registry_id, keys)
    if is_head or trusted is not None:
        _require(trust, registry_id, head, "registry_head", "")
    return Signed(count, first, is_head, trusted is not None)


def _require(trust: TrustedKeys, registry_id: bytes, row: Any, table: str, key: str) -> None:
    try:
        trust.require(_head_message(registry_id, row))
    except Unsigned as error:
        raise Misstated(table, key, str(error)) from None


def _trust_in(registry_id: bytes, keys: Sequence[SigningKey]) -> TrustedKeys:
    """All of a registry's keys, each until it is retired."""
    try:
        roots = [bytes.fromhex(key.public_key) for key in keys]
    except ValueError:
        raise Unsigned("a signing key of the registry is none") from None
    return TrustedKeys(roots).having(registry_id, keys)


def _head_message(registry_id: bytes, row: Any) -> replication_pb2.Head:
    """A row as what is signed.

    Raises:
        Unsigned: Its numbers are none that a head has.
    """
    told = {name: row[name] for name in _OF_HEAD.split(", ")}
    try:
        return replication_pb2.Head(registry_id=registry_id, **told)
    except ValueError:
        raise Unsigned(f"revision {row['epoch']}:{row['revision']} is no head") from None
