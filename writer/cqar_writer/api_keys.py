"""Looks up callers' API keys; PostgreSQL is asked for each at most every two seconds.

A table only finds a key by its hash. The entity must have that hash, and be as the newest change
set of its history states it: altering one row, or `current` and the table together, lets nobody in.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.api_key import API_KEY, ApiKey, Role
from cqar_shared.domain.working_set import LookupKey
from cqar_shared.errors import TooMany
from cqar_shared.runtime.token_bucket import TokenBuckets
from cqar_shared.sql import history_check
from cqar_shared.trust.key_text import fresh_key, hash_of
from cqar_writer.mutations import Cause, Mutations
from cqar_writer.store import entity_rows

#: A revoked key works for this long at most; the promise is 5 s.
REMEMBER_S: Final = 2.0
REMEMBERED_MAX: Final = 10_000
#: Look-ups of unknown keys, a query each: no more than PostgreSQL can answer beside other work.
NEW_PER_S: Final = 200.0


class ApiKeyCache:
    """Caches look-ups of keys.

    Args:
        now: The wall clock.
        require_usable: Raises while the database must not be used.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        now: Callable[[], dt.datetime],
        require_usable: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._require_usable = require_usable
        self._now = now
        self._remembered: dict[str, tuple[float, ApiKey | None]] = {}
        self._new = TokenBuckets(NEW_PER_S)

    async def find(self, key_hash: str) -> ApiKey | None:
        """Return the key of this hash, if it is valid now.

        Raises:
            TooMany: too many unknown keys are looked up.
            DataLoss: the rows of the key contradict each other.
            Fenced: the database is not the registry's any more.
        """
        self._require_usable()
        until, key = self._remembered.get(key_hash, (0.0, None))
        if time.monotonic() >= until:
            if key is None and (wait_s := self._new.take("")) > 0:
                raise TooMany(f"too many new API keys at once: again in {wait_s:.2f} s")
            key = await self._read(key_hash)
            self._remember(key_hash, key)
        return key if key is not None and key.valid_at(self._now()) else None

    def _remember(self, key_hash: str, key: ApiKey | None) -> None:
        if len(self._remembered) >= REMEMBERED_MAX:
            # Invalid keys are dropped first: whoever makes them up cannot displace valid ones.
            valid = {h: entry for h, entry in self._remembered.items() if entry[1] is not None}
            self._remembered = valid if len(valid) < REMEMBERED_MAX else {}
        self._remembered[key_hash] = (time.monotonic() + REMEMBER_S, key)

    async def _read(self, key_hash: str) -> ApiKey | None:
        wanted = LookupKey(API_KEY.name, "hash", (key_hash,))
        async with self._engine.connect() as tx:
            # One snapshot, so that a revocation meanwhile is no contradiction.
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            matches = await entity_rows.find(tx, API_KEY, "hash", [wanted])
            for key_id, stored in matches[wanted].items():
                ref = (API_KEY.name, key_id)
                await history_check.require_newest(tx, ref, stored.revision, stored.payload)
                if isinstance(stored.entity, ApiKey):
                    return stored.entity
        return None


async def create_key(
    mutations: Mutations, actor: str, role: Role, expires_at: dt.datetime | None = None
) -> str:
    """Create a key and return its text, which is stored nowhere."""
    key = fresh_key()
    entity = ApiKey(key_hash=hash_of(key), actor=actor, role=role, expires_at=expires_at)
    item = Item(kind=API_KEY, intent=ChangeIntent.CREATE, given=entity, fresh=str(uuid.uuid4()))
    await mutations.change(item, Cause("cqar-writer", f"key for {actor}"))
    return key
