"""Verifies every signature in the registry's PostgreSQL database."""

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
_SIGNED_ROWS: Final = f"SELECT {_OF_HEAD} FROM outbox WHERE signature IS NOT NULL ORDER BY revision"  # noqa: S608
_KEYS: Final = f"""
    SELECT payload FROM current WHERE kind = '{SIGNING_KEY.name}' AND NOT deleted
    LIMIT {KEYS_MAX + 1}
"""  # noqa: S608  (constants)


class SignatureReport(NamedTuple):
    """What is signed; every signature is valid.

    Attributes:
        revisions: Number of signed revisions.
        first: The first signed revision; None without one.
        is_head: Whether the head is signed; its chain covers all revisions before it.
        by_trusted: Whether the head's key was required to be a trusted one.
    """

    revisions: int
    first: int | None
    is_head: bool
    by_trusted: bool


class InvalidSignature(Exception):
    """A signature is invalid; the text says why.

    Attributes:
        table, key: The row that has it; for the outbox, the key is EPOCH:REVISION.
    """

    def __init__(self, table: str, key: str, why: str) -> None:
        super().__init__(why)
        self.table = table
        self.key = key


async def check_signatures(connection: Any, trusted: Sequence[bytes] | None) -> SignatureReport:
    """Verify the signature of every revision that has one, and that of the head.

    Revisions are verified against the registry's own keys, which the head's set hash covers. So a
    signature stays valid after its key is retired and no longer trusted.

    Args:
        connection: In the audit's transaction.
        trusted: Public keys; the head must be signed by one of them or by a key that they vouch
            for. None: by any of the registry's own keys.

    Raises:
        InvalidSignature: a signature is invalid, or `trusted` is given and the head has none.
        Unsigned: the registry's own keys cannot be read.
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
    async for row in connection.cursor(_SIGNED_ROWS, prefetch=ROWS_AT_ONCE):
        _require(trust, registry_id, row, "outbox", f"{row['epoch']}:{row['revision']}")
        count, first = count + 1, row["revision"] if first is None else first
    is_head = head["signature"] is not None
    if trusted is not None:
        trust = TrustedKeys(trusted).having(registry_id, keys)
    if is_head or trusted is not None:
        _require(trust, registry_id, head, "registry_head", "")
    return SignatureReport(count, first, is_head, trusted is not None)


def _require(trust: TrustedKeys, registry_id: bytes, row: Any, table: str, key: str) -> None:
    try:
        trust.require(_head_message(registry_id, row))
    except Unsigned as error:
        raise InvalidSignature(table, key, str(error)) from None


def _trust_in(registry_id: bytes, keys: Sequence[SigningKey]) -> TrustedKeys:
    """Trust in all of a registry's keys, each until it is retired."""
    try:
        roots = [bytes.fromhex(key.public_key) for key in keys]
    except ValueError:
        raise Unsigned("a signing key of the registry is invalid") from None
    return TrustedKeys(roots).having(registry_id, keys)


def _head_message(registry_id: bytes, row: Any) -> replication_pb2.Head:
    """The signed message of a row.

    Raises:
        Unsigned: the row's numbers are out of range.
    """
    fields = {name: row[name] for name in _OF_HEAD.split(", ")}
    try:
        return replication_pb2.Head(registry_id=registry_id, **fields)
    except ValueError:
        raise Unsigned(f"revision {row['epoch']}:{row['revision']} is not a valid head") from None
