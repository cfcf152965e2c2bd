"""The signing keys in the registry's history: the first, the next, and when each ends.

Every change here is a revision like any other, so that resolvers and audits learn of keys from what
the keys sign.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY, SigningKey, id_of
from cqar_shared.errors import Conflict, EntityNotFound, Exists
from cqar_shared.replication import positions
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_writer.database import confirmed_commit, head_signer
from cqar_writer.database.head_signer import Signer
from cqar_writer.mutations.pipeline import Cause, Mutations
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import entity_rows, outbox, writes
from cqar_writer.store.writes import CurrentRow

log = logging.getLogger(__name__)

#: An idle registry, or one that a writer without a key changed last, is signed within this.
LOOK_EVERY_S: Final = 10.0
ACTOR: Final = "cqar-writer"


class SigningKeys:
    """One writer's key, and what it may do with others'.

    Args:
        engine: For looking: what is found is looked at again behind the head's lock.
        signer: This writer's key.
    """

    def __init__(self, engine: AsyncEngine, mutations: Mutations, signer: Signer) -> None:
        self._engine = engine
        self._mutations = mutations
        self._signer = signer
        self._said = ""

    async def run(self) -> None:
        """Keep the head signed, until cancelled or until PostgreSQL fails."""
        while True:
            raise_if_cancelled()
            await self.step()
            await asyncio.sleep(LOOK_EVERY_S)

    async def step(self) -> bool:
        """Begin with this writer's key if the registry has none, and sign the head if nobody has.

        Returns:
            Whether the head is signed now.
        """
        async with self._engine.connect() as tx:
            head, keys = await entity_rows.read_head(tx), await head_signer.keys_of(tx)
        own = next((key for key in keys if key.key_id == self._signer.key_id), None)
        if own is None and not keys:
            await self._begin()
        elif own is None:
            self._say(f"the registry does not know signing key {self._signer.key_id}: endorse it")
            return head_signer.is_signed(head, keys)
        elif own.is_retired:
            self._say(f"signing key {own.key_id} is retired: give this writer the one after it")
            return head_signer.is_signed(head, keys)
        elif head_signer.is_signed(head, keys):
            return True
        return await self._sign_head()

    def _say(self, why: str) -> None:
        """Log why nothing is signed here, once."""
        if why != self._said:
            log.error("this writer signs nothing: %s", why)
            self._said = why

    async def _begin(self) -> None:
        key = SigningKey(
            key_id=self._signer.key_id,
            public_key=self._signer.public_key.hex(),
            made_at=self._mutations.now(),
        )
        try:
            await self._create(key, "the registry's heads are signed from here on")
        except Exists:
            return  # another writer with the same key was first
        log.info("signing begins: key %s, public key %s", key.key_id, key.public_key)

    async def _sign_head(self) -> bool:
        async with self._mutations.turn() as (tx, head):
            keys = await head_signer.keys_of(tx)
            if head_signer.is_signed(head, keys):
                return True
            if not await head_signer.is_in_use(tx, self._signer.key_id):
                return False
            await head_signer.sign_head(tx, self._signer, head)
            await confirmed_commit.commit(tx)
        log.info("signed the head at %d:%d, which was not", head.epoch, head.revision)
        return True

    async def _create(self, key: SigningKey, reason: str) -> int:
        item = Item(kind=SIGNING_KEY, intent=ChangeIntent.CREATE, given=key)
        _, applied = await self._mutations.change(item, Cause(ACTOR, reason))
        return applied.revision

    async def endorse(self, public_key: bytes) -> int:
        """Let this writer's key vouch for another, which may sign from then on, too.

        Returns:
            The revision that says so.

        Raises:
            Conflict: This writer's own key is not in use.
            Exists: The registry knows the other.
        """
        async with self._engine.connect() as tx:
            registry_id = (await entity_rows.read_head(tx)).registry_id
            await self._require_in_use(tx)
        key = SigningKey(
            key_id=id_of(public_key),
            public_key=public_key.hex(),
            made_at=self._mutations.now(),
            endorsed_by=self._signer.key_id,
            endorsement=self._signer.endorsement_of(registry_id, public_key).hex(),
        )
        return await self._create(key, f"key {self._signer.key_id} vouches for {key.key_id}")

    async def retire(self, key_id: str) -> int:
        """End another key: what it signs from then on counts nowhere.

        Returns:
            The revision that says so, which this writer's key signs.

        Raises:
            Conflict: It is this writer's own, is retired already, or this one's is not in use.
            NotFound: There is no such key.
        """
        if key_id == self._signer.key_id:
            raise Conflict(f"{key_id} is this writer's own: give it the next key first")
        async with self._mutations.turn() as (tx, head):
            await self._require_in_use(tx)
            keys = {key.key_id: key for key in await head_signer.keys_of(tx)}
            if key_id not in keys:
                raise EntityNotFound(SIGNING_KEY.name, key_id)
            if keys[key_id].is_retired:
                raise Conflict(f"{key_id} is retired since revision {keys[key_id].last_revision}")
            row = await self._retire(tx, head, keys[key_id])
            await confirmed_commit.commit(tx)
            self._mutations.note(row, head)
        return row.revision

    async def _retire(self, tx: AsyncConnection, head: HeadRow, before: SigningKey) -> OutboxRow:
        now = self._mutations.now()
        after = msgspec.structs.replace(before, retired_at=now, last_revision=head.revision)
        old, new = (entity_codec.encode(SIGNING_KEY, key) for key in (before, after))
        name, key_id = SIGNING_KEY.name, before.key_id
        change_set = replication_pb2.ChangeSet(
            epoch=head.epoch,
            revision=head.revision + 1,
            actor=ACTOR,
            reason=f"signing key {key_id} is retired",
        )
        change_set.committed_at.FromDatetime(now)
        change_set.changes.add(kind=name, key=key_id, entity=new)
        set_hash = positions.set_hash_from(head.set_hash)
        set_hash += positions.hash_of(name, key_id, new) - positions.hash_of(name, key_id, old)
        silent = replication_pb2.DomainEvents()
        row = revision_rows.sealed(head, change_set, silent, head.live_count, set_hash, now)
        await writes.save(tx, SIGNING_KEY, [after])
        told = CurrentRow(name, key_id, row.revision, new, deleted=False, archived=False)
        await writes.save_current(tx, [told])
        # Whoever signed the revision before: this one the key that stays signs.
        row = await head_signer.signed(tx, self._signer, head, row)
        await outbox.advance(tx, row, head)
        return row

    async def _require_in_use(self, tx: AsyncConnection) -> None:
        if not await head_signer.is_in_use(tx, self._signer.key_id):
            raise Conflict(f"this writer's own key {self._signer.key_id} is not in use")


async def begin_anew(mutations: Mutations, public_key: bytes) -> int:
    """Make a key that no other vouches for: where there is none yet, or the last one is lost.

    Returns:
        The revision that says so.

    Raises:
        Exists: The registry knows it.
    """
    key = SigningKey(key_id=id_of(public_key), public_key=public_key.hex(), made_at=mutations.now())
    item = Item(kind=SIGNING_KEY, intent=ChangeIntent.CREATE, given=key)
    _, applied = await mutations.change(item, Cause(ACTOR, "a first signing key, or one anew"))
    return applied.revision
