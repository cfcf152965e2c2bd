"""Finding callers' keys: PostgreSQL is asked at most every two seconds for each.

A table finds a key by its hash, and says nothing else of it: the entity must have that very hash,
and be as the newest change set of its history states it. Whoever alters one row, or `current` and
the table together, lets nobody in.
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
from cqar_writer.mutations.pipeline import Cause, Mutations
from cqar_writer.store import entity_rows

#: A revoked key works no longer than this; the promise is 5 s.
REMEMBER_S: Final = 2.0
REMEMBERED_MAX: Final = 10_000
#: Keys that were not known to be valid take a query each: not more of them than PostgreSQL answers
#: beside all else.
NEW_PER_S: Final = 200.0


class ApiKeyCache:
    """Remembers what was looked up.

    Args:
        now: The wall clock.
        require_usable: Raises where nothing that the database says counts.
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
        """The key of this hash, if it is valid now.

        Raises:
            TooMany: So many are asked for that nobody has asked for before.
            DataLoss: What is stored of the key contradicts itself.
            Fenced: The database is not the registry's any more.
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
            # Those that are none go first: whoever makes them up takes nobody's place.
            known = {one: held for one, held in self._remembered.items() if held[1] is not None}
            self._remembered = known if len(known) < REMEMBERED_MAX else {}
        self._remembered[key_hash] = (time.monotonic() + REMEMBER_S, key)

    async def _read(self, key_hash: str) -> ApiKey | None:
        wanted = LookupKey(API_KEY.name, "hash", (key_hash,))
        async with self._engine.connect() as tx:
            # One view: a key that is revoked meanwhile is no contradiction.
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            found = await entity_rows.find(tx, API_KEY, "hash", [wanted])
            for key_id, stored in found[wanted].items():
                ref = (API_KEY.name, key_id)
                await history_check.require_newest(tx, ref, stored.revision, stored.payload)
                if isinstance(stored.entity, ApiKey):
                    return stored.entity
        return None


async def create_key(
    mutations: Mutations, actor: str, role: Role, expires_at: dt.datetime | None = None
) -> str:
    """Make a key and return it: the only time that it is seen."""
    key = fresh_key()
    entity = ApiKey(key_hash=hash_of(key), actor=actor, role=role, expires_at=expires_at)
    item = Item(kind=API_KEY, intent=ChangeIntent.CREATE, given=entity, fresh=str(uuid.uuid4()))
    await mutations.change(item, Cause("cqar-writer", f"key for {actor}"))
    return key
