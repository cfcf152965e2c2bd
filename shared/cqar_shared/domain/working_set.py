"""What one request has loaded, and what its earlier items will write.

Implements `cqar_shared.domain.kind.RegistryView` for the writer. A rule that asks for what is not
loaded gets nothing, and the question is added to `missing`. The caller loads it and runs the rules
again; a result counts only from a round that added nothing to `missing`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.errors import TooLarge

#: Entities that the rules of one request may read by lookups, in all rounds together. Each takes
#: 2 us while the registry's write lock is held. 5,000 listings read some 80,000.
LOOKED_AT_MAX: Final = 250_000


class LookupKey(NamedTuple):
    kind: str
    lookup: str
    values: tuple[Any, ...]


class Stored:
    """An entity as stored in PostgreSQL, and the revision that last changed it.

    The payload is decoded on first use: rules only ask whether most referents exist.

    Args:
        read: Decodes the payload; None if that revision removed the entity.
        archived: Whether it is in no snapshot.
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
        """The decoded entity; None if it was removed."""
        if self._entity is None and self._read is not None:
            self._entity = self._read(self.payload)
        return self._entity


class Referrers(NamedTuple):
    """Entities that refer to another one.

    Attributes:
        more: Whether there are more than those in `refs`.
    """

    refs: list[Ref]
    more: bool = False


class PendingReads(NamedTuple):
    refs: set[Ref]
    finds: set[LookupKey]
    #: Entities about to be removed, of which the referrers are needed.
    referrers: set[Ref]

    def __bool__(self) -> bool:
        return bool(self.refs or self.finds or self.referrers)


class WorkingSet:
    """What is loaded so far, and what is still needed.

    Attributes:
        holds_archived: Whether an entity in it is archived.
    """

    def __init__(
        self,
        now: dt.datetime,
        *,
        historical: bool = False,
        as_of: dt.datetime | None = None,
        confirms: bool = False,
    ) -> None:
        self.now = now
        self.historical = historical
        self.as_of = as_of
        self.confirms = confirms
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
        """Whether the entity exists; does not decode it."""
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

    def find_stored(self, kind: str, lookup: str, *values: Any) -> Iterator[Any]:
        """Like `find`, as of before the request."""
        find = LookupKey(kind, lookup, values)
        keys = self._found.get(find)
        if keys is None:
            self.want_found(find)
        for key in keys or ():
            stored = self.stored((kind, key))
            if stored is not None and stored.entity is not None:
                yield stored.entity

    # ------------------------------------------------------------ what the judge asks

    def stored(self, ref: Ref) -> Stored | None:
        if ref not in self._stored:
            self.want(ref)
            return None
        return self._stored[ref]

    def want(self, ref: Ref) -> None:
        self.missing.refs.add(ref)

    def want_found(self, find: LookupKey) -> None:
        self.missing.finds.add(find)

    def is_pending(self, ref: Ref) -> bool:
        return ref in self._pending

    def referrers(self, ref: Ref) -> Referrers:
        """The entities that will refer to it after the request, each once."""
        if ref not in self._referrers:
            self.missing.referrers.add(ref)
        stored = self._referrers.get(ref, Referrers([]))
        found = [r for r in stored.refs if r not in self._pending]
        return Referrers([*found, *self._pending_referrers.get(ref, ())], stored.more)

    def stage(self, kind: AnyKind, key: str, after: Entity | None) -> None:
        """Make this change visible to later items of the request."""
        self._pending[(kind.name, key)] = after
        if after is not None:
            for target in dict.fromkeys(target for _, target in kind.refs_of(after)):
                self._pending_referrers[target].append((kind.name, key))
            for name, lookup in kind.lookups.items():
                for values in lookup.values_of(after):
                    self._pending_found[LookupKey(kind.name, name, values)].append(key)

    # ------------------------------------------------------------ what the loader says

    def begin_round(self) -> None:
        self.missing = PendingReads(set(), set(), set())
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


class RegistryBefore:
    """The registry as it was before the request, as a rule may read it."""

    def __init__(self, registry: WorkingSet) -> None:
        self._registry = registry
        self.now = registry.now
        self.historical = registry.historical
        self.as_of = registry.as_of
        self.confirms = registry.confirms

    def get(self, kind: str, key: str) -> Any | None:
        stored = self._registry.stored((kind, key))
        return stored.entity if stored else None

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[Any]:
        return self._registry.find_stored(kind, lookup, *values)
