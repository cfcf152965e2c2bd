"""Whether the registry's past and present are as they were written, read off PostgreSQL itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, NamedTuple

import asyncpg
from cqc.replication.v1 import replication_pb2

from cqar.audit_signatures import Signed, signatures_of
from shared import hash_chain, history
from shared.history import Position
from shared.trust import Unsigned

ROWS_AT_ONCE: Final = 500

_HEAD: Final = """
    SELECT sha256(registry_id) AS first, chain, revision, live_count, set_hash FROM registry_head
"""
_ROWS: Final = """
    SELECT revision, epoch, prev_chain, chain, payload, is_reset, chain_version, live_count,
        set_hash, CASE WHEN chain_version > 1 THEN sha256(events) ELSE '' END AS events_hash
    FROM outbox ORDER BY revision
"""
_NOTED: Final = "SELECT epoch, revision, chain FROM outbox WHERE revision = $1"
_INDEX: Final = "SELECT revision, kind, key FROM entity_revisions ORDER BY revision"


class Broken(Exception):
    """Something is not as it was written; the text says what comes first."""


class Verified(NamedTuple):
    """What was found whole.

    Attributes:
        chain: Of the head.
        signed: What was found signed.
    """

    revisions: int
    entities: int
    chain: bytes
    signed: Signed


async def verified(
    url: str, noted: Iterable[Position] = (), trusted: Sequence[bytes] | None = None
) -> Verified:
    """Recompute chain, set hash and each history's index, at one revision; check all signatures.

    Args:
        noted: Where the chain was, by what was noted outside PostgreSQL.
        trusted: Public keys, one of which, or one that they lead to, must have signed the head.
            None: signatures are held against the keys that the registry itself tells of.

    Raises:
        Broken: One does not fit; names the first revision that does not.
    """
    connection = await asyncpg.connect(url, timeout=5)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            head: Any = await connection.fetchrow(_HEAD)
            revisions = await _require_chain(connection, head)
            for one in noted:
                await _require_noted(connection, one)
            entities = await _require_current(connection, head)
            try:
                signed = await signatures_of(connection, trusted)
            except Unsigned as error:
                raise Broken(str(error)) from None
    finally:
        await connection.close()
    return Verified(revisions, entities, head["chain"], signed)


async def _require_chain(connection: Any, head: Any) -> int:
    chain, last, count = head["first"], 0, 0
    index = _indexed(connection)
    named = await anext(index, None)
    async for row in connection.cursor(_ROWS, prefetch=ROWS_AT_ONCE):
        where = f"revision {row['epoch']}:{row['revision']}"
        # An epoch begins beyond all that was ever seen: only there may numbers be left out.
        if row["revision"] != last + 1 and not row["is_reset"]:
            raise Broken(f"revision {row['epoch']}:{last + 1} is missing")
        found = _chain_of(chain, row, where)
        if row["prev_chain"] != chain or row["chain"] != found:
            raise Broken(f"{where} is not as it was written, or what was before it is gone")
        if (named[1] if named and named[0] == row["revision"] else set()) != _changed(row):
            raise Broken(f"{where} changed other entities than the index of histories says")
        if named and named[0] == row["revision"]:
            named = await anext(index, None)
        chain, last, count = found, row["revision"], count + 1
    if (head["chain"], head["revision"]) != (chain, last):
        raise Broken(f"the head is not where the chain ends, at revision {last}")
    if named is not None:
        raise Broken(f"the index of histories names revision {named[0]}, which is not there")
    return count


def _chain_of(chain: bytes, row: Any, where: str) -> bytes:
    names = ("epoch", "revision", "payload", "events_hash", "live_count", "set_hash")
    try:
        link = hash_chain.Link(row["chain_version"], *(row[name] for name in names))
        return hash_chain.chain_of(chain, link)
    except (ValueError, OverflowError) as error:
        raise Broken(f"{where} is not as it was written: {error}") from error


async def _require_noted(connection: Any, noted: Position) -> None:
    row = await connection.fetchrow(_NOTED, noted.revision)
    found = None if row is None else Position(*row)
    if found != noted:
        now = "not there" if found is None else found.whole
        raise Broken(f"{noted.whole} was noted, and now is {now}: history was rewritten")


async def _indexed(connection: Any) -> AsyncIterator[tuple[int, set[tuple[str, str]]]]:
    """(revision, what it changed), by the index that History reads."""
    revision, changed = 0, set[tuple[str, str]]()
    async for row in connection.cursor(_INDEX, prefetch=ROWS_AT_ONCE):
        if row["revision"] != revision:
            if changed:
                yield revision, changed
            revision, changed = row["revision"], set()
        changed.add((row["kind"], row["key"]))
    if changed:
        yield revision, changed


def _changed(row: Any) -> set[tuple[str, str]]:
    change_set = replication_pb2.ChangeSet.FromString(history.unpack(row["payload"]))
    return {(change.kind, change.key) for change in change_set.changes}


async def _require_current(connection: Any, head: Any) -> int:
    total = count = 0
    async for row in connection.cursor(history.LIVE_ENTITIES, prefetch=ROWS_AT_ONCE):
        total += history.hash_of(row["kind"], row["key"], row["payload"])
        count += 1
    if (count, history.set_hash_bytes(total)) != (head["live_count"], head["set_hash"]):
        raise Broken("what is served is not what the revisions made: `current` was altered")
    return count
