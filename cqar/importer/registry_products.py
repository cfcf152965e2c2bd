"""The registry's products in memory: what every plan needs, of whichever venue it is.

They are loaded once, and kept current between rounds: by the log of changes after the revision that
they stand at, or by what a plan of our own has changed where nobody else changed anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqc.writer.v1 import registry_admin_pb2 as admin_pb

from cqar.admin.connection import CallFailed, Connection
from cqar.admin.entity_lists import entities_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import Outcome
from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.working_set import LookupKey, Stored

PRODUCT_KINDS: Final = (CHAIN, VENUE, ASSET, ASSET_DEPLOYMENT, ASSET_RELATIONSHIP, SYMBOL)
_NAMES: Final = frozenset(kind.name for kind in PRODUCT_KINDS)
#: A page of the log; with more pages than this, loading all anew is less work.
LOG_ROWS: Final = 500
LOG_PAGES_MAX: Final = 40
#: What is archived leaves the lists, and the log does not say so: all is loaded anew now and then.
RELOAD_AFTER_S: Final = 6 * 3_600.0


class Held(Stored):
    """An entity that is held as it is."""

    __slots__ = ()

    def __init__(self, entity: Entity) -> None:
        super().__init__(_never_read, 0, b"")
        self._entity = entity


def _never_read(_: bytes) -> Entity:
    raise AssertionError


class Products:
    """Entities of `PRODUCT_KINDS` by key and by every lookup.

    Not thread-safe: `sync` and `take` are called while nobody plans with them.

    Attributes:
        stored, found: As a working set has them.
        revision: All changes up to it are in them; None: nothing is loaded.
        loads: How often all was loaded.
    """

    def __init__(self) -> None:
        self.stored: dict[Ref, Stored | None] = {}
        self.found: dict[LookupKey, list[str]] = {}
        self._by_kind: dict[str, dict[str, Held]] = {}
        self.revision: int | None = None
        self._epoch = 0
        self._loaded_s = 0.0
        self.loads = 0

    def all(self, kind: str) -> Iterator[tuple[str, Held]]:
        """Key and entity of each of a kind."""
        yield from self._by_kind.get(kind, {}).items()

    def put(self, kind: AnyKind, entity: Entity) -> None:
        """Hold an entity that is new, or in the place of what it was."""
        key = kind.key_of(entity)
        self._forget_lookups(kind, key)
        held = Held(entity)
        self.stored[(kind.name, key)] = held
        self._by_kind.setdefault(kind.name, {})[key] = held
        for find in _lookups(kind, entity):
            self.found.setdefault(find, []).append(key)

    def remove(self, kind: AnyKind, key: str) -> None:
        self._forget_lookups(kind, key)
        self.stored.pop((kind.name, key), None)
        self._by_kind.get(kind.name, {}).pop(key, None)

    def _forget_lookups(self, kind: AnyKind, key: str) -> None:
        before = self._by_kind.get(kind.name, {}).get(key)
        if before is None or before.entity is None:
            return
        for find in _lookups(kind, before.entity):
            keys = self.found.get(find, [])
            if key in keys:
                keys.remove(key)
            if not keys:
                self.found.pop(find, None)

    def sync(self, connection: Connection) -> None:
        """Bring them up to the registry's head.

        Raises:
            CallFailed: The writer refused or did not answer; they are loaded anew next time.
        """
        head = connection.call(connection.admin.GetHead, admin_pb.GetHeadRequest()).head
        is_old = time.monotonic() - self._loaded_s > RELOAD_AFTER_S
        is_known = self.revision is not None and head.epoch == self._epoch and not is_old
        if is_known and (head.revision == self.revision or self._follow(connection)):
            return
        self._load(connection, head.epoch, head.revision)

    def _load(self, connection: Connection, epoch: int, revision: int) -> None:
        self.stored.clear()
        self.found.clear()
        self._by_kind.clear()
        self.revision = None
        for kind in PRODUCT_KINDS:
            for entity in entities_of(connection, kind):
                self.put(kind, entity)
        self.revision, self._epoch = revision, epoch
        self._loaded_s = time.monotonic()
        self.loads += 1

    def _follow(self, connection: Connection) -> bool:
        """Apply what the log has after the revision; False: loading anew is less work.

        Raises:
            CallFailed: The writer refused or did not answer.
        """
        request = admin_pb.ListChangesRequest(
            after_revision=self.revision,
            kinds=sorted(_NAMES),
            page_size=LOG_ROWS,
            without_before=True,
        )
        for _ in range(LOG_PAGES_MAX):
            try:
                page = connection.call(connection.admin.ListChanges, request)
            except CallFailed as error:
                if error.code == "UNIMPLEMENTED":  # a writer of before
                    return False
                self.revision = None
                raise
            if page.epoch != self._epoch:
                return False
            for change in page.changes:
                self._apply(change)
            if not page.next_page_token:
                self.revision = page.revision
                return True
            request.page_token = page.next_page_token
        return False

    def _apply(self, change: Any) -> None:
        kind = KIND_BY_NAME.get(change.entity.kind)
        if kind is None or kind.name not in _NAMES:
            return
        if change.entry.after:
            self.put(kind, entity_codec.decode(kind, change.entry.after))
        else:
            self.remove(kind, change.entity.key)

    def take(
        self, changes: Iterable[Outcome], planned_at: int, revision: int, commits: int
    ) -> None:
        """Take what a plan of our own has changed, where nobody else changed anything meanwhile.

        They are then as the registry's are, but for when it stored them.

        Args:
            planned_at: The revision for which it was planned.
            revision: That of its last commit.
            commits: Number of revisions that it made.
        """
        if self.revision != planned_at or revision != planned_at + commits or not commits:
            return
        for outcome in changes:
            if outcome.kind.name in _NAMES and outcome.after is not None:
                self.put(outcome.kind, outcome.after)
        self.revision = revision


def _lookups(kind: AnyKind, entity: Entity) -> Iterator[LookupKey]:
    for name, lookup in kind.lookups.items():
        for values in lookup.values_of(entity):
            yield LookupKey(kind.name, name, values)
