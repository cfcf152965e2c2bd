"""The outbox replayed, and whether what was acknowledged and what is projected agree with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from cqc.assets.v1.asset_pb2 import Asset
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.replication import hash_chain, positions
from cqar_shared.sql.schema import current
from cqar_writer.store import head_rows, outbox
from tests.support.load_clients import Acknowledged
from tests.support.table_checks import require_tables_equal_current


class Replayed(NamedTuple):
    """The outbox from its first revision to its last.

    Attributes:
        changes: Revision -> what it changed, None for a removal.
        state: What is left of all of them.
    """

    changes: dict[int, dict[Ref, bytes | None]]
    state: dict[Ref, bytes]
    chain: bytes


async def replay(engine: AsyncEngine) -> Replayed:
    changes: dict[int, dict[Ref, bytes | None]] = {}
    state: dict[Ref, bytes] = {}
    chain: bytes | None = None
    async with engine.connect() as tx:
        while rows := await outbox.rows_after(tx, len(changes), 500):
            for row in rows:
                assert row.revision == len(changes) + 1, "a revision is missing"
                assert chain in (None, row.prev_chain)
                chain = hash_chain.chain_of(row.prev_chain, row.link)
                assert row.chain == chain
                packed = positions.unpack(row.payload)
                change_set = replication_pb2.ChangeSet.FromString(packed)
                assert (change_set.epoch, change_set.revision) == (row.epoch, row.revision)
                found = {
                    (c.kind, c.key): None if c.deleted else c.entity for c in change_set.changes
                }
                assert len(found) == len(change_set.changes)
                changes[row.revision] = found
                for ref, payload in found.items():
                    if payload is None:
                        del state[ref]
                    else:
                        state[ref] = payload
    return Replayed(changes, state, chain or b"")


def require_acknowledged(acknowledged: Iterable[Acknowledged], replayed: Replayed) -> None:
    """Each revision that was answered is there once, and changed what the answer says."""
    told: defaultdict[int, dict[Ref, Acknowledged]] = defaultdict(dict)
    for one in acknowledged:
        assert (one.kind, one.key) not in told[one.revision], "two answers for one change"
        told[one.revision][one.kind, one.key] = one
    for revision, answers in told.items():
        stored = replayed.changes[revision]
        assert stored.keys() == answers.keys()
        for ref, one in answers.items():
            payload = stored[ref]
            assert (payload is None) == one.removed
            if one.after is not None:
                assert KIND_BY_NAME[one.kind].message.FromString(payload or b"") == one.after


def require_no_lost_update(increments: Mapping[str, int], replayed: Replayed) -> None:
    """A counter stands at as many as were acknowledged, and went there one by one."""
    for asset_id, expected in increments.items():
        payloads = [
            found["asset", asset_id]
            for found in replayed.changes.values()
            if ("asset", asset_id) in found
        ]
        counted = [int(Asset.FromString(payload or b"").description) for payload in payloads]
        assert counted == list(range(expected + 1))


async def require_same_everywhere(
    engine: AsyncEngine, database: str, replayed: Replayed
) -> replication_pb2.Head:
    """The outbox's replay is `current`, is what a resolver loads, is what the tables hold."""
    async with engine.connect() as tx:
        head = await head_rows.read_head(tx)
        rows = await tx.execute(sa.select(current).where(~current.c.deleted))
        held = {(row.kind, row.key): row.payload for row in rows}
    assert held == replayed.state
    assert (head.revision, head.chain) == (len(replayed.changes), replayed.chain)
    # What resolvers do not hold is neither counted nor hashed.
    counted = {ref: payload for ref, payload in held.items() if KIND_BY_NAME[ref[0]].resident}
    hashes = (positions.hash_of(*ref, payload) for ref, payload in counted.items())
    assert (head.live_count, head.set_hash) == (len(counted), positions.set_hash_bytes(sum(hashes)))

    loaded = await RegistryDatabase(database).hydrate()
    assert (loaded.count, loaded.set_hash) == (head.live_count, head.set_hash)
    assert {ref: loaded.get(*ref) for ref in counted} == counted
    assert {kind for kind, _ in held} == {kind.name for kind in KINDS if kind.client_writable}
    assert await require_tables_equal_current(engine) > len(held)
    return loaded.head
