"""What one request has loaded, and what its earlier items will write.

Implements `cqar_shared.domain.kind.RegistryView` for the writer. A rule that asks for what is not
loaded gets nothing, and the question is added to `wanted`. The caller loads it and runs the rules
again; a result counts only from a round that added nothing to `wanted`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.errors import TooLarge

#: Entities that one request's rules may come upon by lookups, in all rounds together; each takes
#: 2 us, behind the registry's write lock. 5,000 listings come upon some 80,000.
LOOKED_AT_MAX: Final = 250_000


class LookupKey(NamedTuple):
    kind: str
    lookup: str
    values: tuple[Any, ...]


class Stored:
    """An entity as PostgreSQL has it, and the revision that last changed it.

    Read when it is looked at: of most that others refer to, rules only ask whether it is there.

    Args:
        read: Makes the entity of the payload; None where that revision removed it.
        archived: It is in no snapshot.
    """

    __slots__ = ("_entity", "_read", "archived", "payload", "revision")

    def __init__(
        self,
        read: Callable[[bytes], Entity] | None,
        revision: int,
        payload: bytes,
        *,
        archived: bool = False,
    ) -> None:
        self._read = read
        self._entity: Entity | None = None
        self.revision = revision
        self.payload = payload
        self.archived = archived

    @property
    def exists(self) -> bool:
        return self._read is not None

    @property
    def entity(self) -> Entity | None:
        """None where it was removed."""
        if self._entity is None and self._read is not None:
            self._entity = self._read(self.payload)
        return self._entity


class Referrers(NamedTuple):
    """Who refers to an entity, as far as was looked.

    Attributes:
        more: There are more than `refs` names.
    """

    refs: list[Ref]
    more: bool = False


class PendingReads(NamedTuple):
    refs: set[Ref]
    finds: set[LookupKey]
    #: Entities about to be removed: who refers to them?
    referrers: set[Ref]

    def __bool__(self) -> bool:
        return bool(self.refs or self.finds or self.referrers)


class WorkingSet:
    """What is known so far, and what is wanted.

    Attributes:
        holds_archived: Something of it is archived.
    """

    def __init__(
        self, now: dt.datetime, *, historical: bool = False, as_of: dt.datetime | None = None
    ) -> None:
        self.now = now
        self.historical = historical
        self.as_of = as_of
        self._stored: dict[Ref, Stored | None] = {}
        self._found: dict[LookupKey, list[str]] = {}
        self._referrers: dict[Ref, Referrers] = {}
        self.holds_archived = False
        self._looked_at = 0
        self.begin_round()

    # ------------------------------------------------------------ what rules ask

    def get(self, kind: str, key: str) -> Any | None:
        ref = (kind, key)
        if ref in self._pending:
            return self._pending[ref]
        stored = self.stored(ref)
        return stored.entity if stored else None

    def has(self, kind: str, key: str) -> bool:
        """Whether there is such an entity, without reading it."""
        ref = (kind, key)
        if ref in self._pending:
            return self._pending[ref] is not None
        stored = self.stored(ref)
        return stored is not None and stored.exists

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[Any]:
        find = LookupKey(kind, lookup, values)
        keys = self._found.get(find)
        if keys is None:
            self.want_found(find)
        pending = self._pending_found.get(find)
        if not keys and not pending:
            return
        values_of = KIND_BY_NAME[kind].lookups[lookup].values_of
        for key in dict.fromkeys([*(keys or ()), *(pending or ())]):
            self._looked_at += 1
            if self._looked_at > LOOKED_AT_MAX:
                message = f"to judge it, more than {LOOKED_AT_MAX} entities are looked at"
                raise TooLarge(f"{message}: split the request")
            entity = self.get(kind, key)
            if entity is not None and values in values_of(entity):
                yield entity

    # ------------------------------------------------------------ what the judge asks

    def stored(self, ref: Ref) -> Stored | None:
        if ref not in self._stored:
            self.want(ref)
            return None
        return self._stored[ref]

    def want(self, ref: Ref) -> None:
        self.wanted.refs.add(ref)

    def want_found(self, find: LookupKey) -> None:
        self.wanted.finds.add(find)

    def is_pending(self, ref: Ref) -> bool:
        return ref in self._pending

    def referrers(self, ref: Ref) -> Referrers:
        """Who will still refer to it after the request, once each."""
        if ref not in self._referrers:
            self.wanted.referrers.add(ref)
        stored = self._referrers.get(ref, Referrers([]))
        found = [r for r in stored.refs if r not in self._pending]
        return Referrers([*found, *self._pending_referrers.get(ref, ())], stored.more)

    def stage(self, kind: AnyKind, key: str, after: Entity | None) -> None:
        """Let later items of the request see this change."""
        self._pending[(kind.name, key)] = after
        if after is not None:
            for target in dict.fromkeys(target for _, target in kind.refs_of(after)):
                self._pending_referrers[target].append((kind.name, key))
            for name, lookup in kind.lookups.items():
                for values in lookup.values_of(after):
                    self._pending_found[LookupKey(kind.name, name, values)].append(key)

    # ------------------------------------------------------------ what the loader says

    def begin_round(self) -> None:
        self.wanted = PendingReads(set(), set(), set())
        self._pending: dict[Ref, Entity | None] = {}
        self._pending_referrers: defaultdict[Ref, list[Ref]] = defaultdict(list)
        self._pending_found: defaultdict[LookupKey, list[str]] = defaultdict(list)

    def know(self, ref: Ref, stored: Stored | None) -> None:
        self._stored[ref] = stored
        self.holds_archived = self.holds_archived or (stored is not None and stored.archived)

    def know_found(self, find: LookupKey, keys: list[str]) -> None:
        self._found[find] = keys

    def know_referrers(self, ref: Ref, referrers: Referrers) -> None:
        self._referrers[ref] = referrers
