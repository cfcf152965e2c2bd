"""Adds, endorses and retires signing keys, and keeps the head signed.

Every change here is a revision like any other, so that resolvers and audits learn of keys from the
signed history.
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
from cqar_writer.mutations import Cause, Mutations
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import head_rows, outbox, writes
from cqar_writer.store.saved_entities import CurrentRow, SavedEntities

log = logging.getLogger(__name__)

#: The head of an idle registry, or of one that a writer without a key changed, is signed within
#: this time.
LOOK_EVERY_S: Final = 10.0
ACTOR: Final = "cqar-writer"


class SigningKeys:
    """Manages the registry's signing keys with one writer's key.

    Args:
        engine: For reading; what is read is checked again behind the write lock.
        signer: This writer's key.
    """

    def __init__(self, engine: AsyncEngine, mutations: Mutations, signer: Signer) -> None:
        self._engine = engine
        self._mutations = mutations
        self._signer = signer
        self._logged = ""

    async def run(self) -> None:
        """Keep the head signed, until cancelled or until PostgreSQL fails."""
        while True:
            raise_if_cancelled()
            await self.step()
            await asyncio.sleep(LOOK_EVERY_S)

    async def step(self) -> bool:
        """Add this writer's key if the registry has none, and sign an unsigned head.

        Returns:
            Whether the head is signed now.
        """
        async with self._engine.connect() as tx:
            head, keys = await head_rows.read_head(tx), await head_signer.load_keys(tx)
        own = next((key for key in keys if key.key_id == self._signer.key_id), None)
        if own is None and not keys:
            await self._begin()
        elif own is None:
            self._log_once(
                f"the registry does not know signing key {self._signer.key_id}: endorse it"
            )
            return head_signer.is_signed(head, keys)
        elif own.is_retired:
            self._log_once(
                f"signing key {own.key_id} is retired: give this writer the one after it"
            )
            return head_signer.is_signed(head, keys)
        elif head_signer.is_signed(head, keys):
            return True
        return await self._sign_head()

    def _log_once(self, why: str) -> None:
        """Log why nothing is signed here, once."""
        if why != self._logged:
            log.error("this writer signs nothing: %s", why)
            self._logged = why

    async def _begin(self) -> None:
        key = SigningKey(
            key_id=self._signer.key_id,
            public_key=self._signer.public_key.hex(),
            made_at=self._mutations.now(),
        )
        try:
            await self._create(key, "the registry's heads are signed from here on")
        except Exists:
            return  # another writer with the same key added it first
        log.info("signing begins: key %s, public key %s", key.key_id, key.public_key)

    async def _sign_head(self) -> bool:
        async with self._mutations.write_lock() as (tx, head):
            keys = await head_signer.load_keys(tx)
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
        """Endorse another key with this writer's; it may sign from then on, too.

        Returns:
            The revision that adds it.

        Raises:
            Conflict: this writer's own key is not in use.
            Exists: the registry already has the other key.
        """
        async with self._engine.connect() as tx:
            registry_id = (await head_rows.read_head(tx)).registry_id
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
        """Retire another key: its later signatures are void.

        Returns:
            The revision that retires it, signed by this writer's key.

        Raises:
            Conflict: the key is this writer's own or already retired, or this writer's is not in
                use.
            EntityNotFound: there is no such key.
        """
        if key_id == self._signer.key_id:
            raise Conflict(f"{key_id} is this writer's own: give it the next key first")
        async with self._mutations.write_lock() as (tx, head):
            await self._require_in_use(tx)
            keys = {key.key_id: key for key in await head_signer.load_keys(tx)}
            if key_id not in keys:
                raise EntityNotFound(SIGNING_KEY.name, key_id)
            if keys[key_id].is_retired:
                raise Conflict(f"{key_id} is retired since revision {keys[key_id].last_revision}")
            row = await self._retire(tx, head, keys[key_id])
            await confirmed_commit.commit(tx)
            self._mutations.notify_committed(row, head)
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
        no_events = replication_pb2.DomainEvents()
        row = revision_rows.build_revision(
            head, change_set, no_events, head.live_count, set_hash, now
        )
        await writes.save(tx, SIGNING_KEY, [after])
        # The key that stays signs this revision, whichever key signed the one before.
        row = await head_signer.sign_revision(tx, self._signer, head, row)
        current = CurrentRow(name, key_id, row.revision, new, deleted=False, archived=False)
        await outbox.advance(tx, row, head, SavedEntities([current]))
        return row

    async def _require_in_use(self, tx: AsyncConnection) -> None:
        if not await head_signer.is_in_use(tx, self._signer.key_id):
            raise Conflict(f"this writer's own key {self._signer.key_id} is not in use")


async def create_unendorsed(mutations: Mutations, public_key: bytes) -> int:
    """Add a key that no other endorses: for a first key, or if the last one is lost.

    Returns:
        The revision that adds it.

    Raises:
        Exists: the registry already has the key.
    """
    key = SigningKey(key_id=id_of(public_key), public_key=public_key.hex(), made_at=mutations.now())
    item = Item(kind=SIGNING_KEY, intent=ChangeIntent.CREATE, given=key)
    _, applied = await mutations.change(item, Cause(ACTOR, "a first signing key, or one anew"))
    return applied.revision
