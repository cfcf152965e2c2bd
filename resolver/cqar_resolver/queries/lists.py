"""Lists from memory: of one revision from first to last, and nobody else waits long for them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from cqar_resolver.queries.list_selection import Selection
from cqar_resolver.snapshot.indexes import INDEXES
from cqar_resolver.snapshot.pinned import Pinned
from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import ServiceNotReady
from cqar_shared.lists import paging
from cqar_shared.lists.filters import EQUAL, Filter
from cqar_shared.lists.paging import ListPage, PageRequest
from cqar_shared.replication.positions import LogPosition
from cqar_shared.runtime.event_loop import yielding

#: One looks through a kind at a time; so many may wait for their turn.
WAITING_MAX: Final = 32
#: Of the newest revision; each has 8 bytes a key, and 100 where a key has two parts.
SELECTIONS_MAX: Final = 4


class CachedSelection(NamedTuple):
    """A selection, and from when on it was right."""

    selection: Selection
    since: dt.datetime

    def holds(self, now: dt.datetime) -> bool:
        until = self.selection.until
        return self.since <= now and (until is None or now < until)


class ListCache:
    """Selections that took a look at all of a kind: one is made at a time.

    They are kept for the pages to come, as long as they hold: until the next revision, or until
    something ends.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: dict[bytes, CachedSelection] = {}
        self._position: LogPosition | None = None

    async def selection(self, pinned: Pinned, asked: PageRequest, now: dt.datetime) -> Selection:
        """What is asked for.

        Raises:
            NotReady: Too many wait already.
        """
        if (kept := self._find(pinned, asked, now)) is not None:
            return kept
        if self._waiting >= WAITING_MAX:
            raise ServiceNotReady(f"{WAITING_MAX} lists wait here already: ask another resolver")
        self._waiting += 1
        try:
            async with self._turn:
                # Whoever had the turn before may have asked the same.
                if (kept := self._find(pinned, asked, now)) is not None:
                    return kept
                selection = await select(asked, entities_of(pinned, asked.kind.name))
        finally:
            self._waiting -= 1
        self._keep(pinned, asked, CachedSelection(selection, now))
        return selection

    def _find(self, pinned: Pinned, asked: PageRequest, now: dt.datetime) -> Selection | None:
        kept = self._kept.get(asked.mark) if pinned.position == self._position else None
        return kept.selection if kept is not None and kept.holds(now) else None

    def _keep(self, pinned: Pinned, asked: PageRequest, kept: CachedSelection) -> None:
        if pinned.position != self._position:
            self._kept.clear()
            self._position = pinned.position
        self._kept.pop(asked.mark, None)
        self._kept[asked.mark] = kept
        if len(self._kept) > SELECTIONS_MAX:
            del self._kept[next(iter(self._kept))]


class SnapshotListReader:
    """Reads the snapshot at one revision; implements `cqar_shared.lists.methods.Reading`."""

    def __init__(self, pinned: Pinned, scans: ListCache, now: Callable[[], dt.datetime]) -> None:
        self._pinned = pinned
        self._scans = scans
        self._now = now

    async def page(
        self, kind: AnyKind, wanted: Sequence[Filter], size: int, token: str
    ) -> ListPage:
        asked = paging.asked_for(kind, wanted, size, token)
        filed = find_indexed(self._pinned, asked)
        if filed is not None:
            selection = await select(asked, filed)
        else:
            selection = await self._scans.selection(self._pinned, asked, self._now())
        asked.require_answerable(selection.total)
        keys = islice(selection.after(asked.after), asked.most + 1)
        found = await self._messages(kind, keys)
        return asked.page(selection.total, [(kind.parts_of(key), each) for key, each in found])

    async def exists(self, kind: AnyKind, key: str) -> bool:
        if self._pinned.get(kind.name, key) is not None:
            return True
        return kind.archives and self._pinned.archived("entity", kind.name, key)

    async def keys(self, kind: AnyKind, limit: int) -> list[str]:
        return sorted(self._pinned.keys(kind.name))[:limit]

    async def get_many(self, kind: AnyKind, keys: Iterable[str]) -> list[Any]:
        return [message for _, message in await self._messages(kind, sorted(set(keys)))]

    async def find_each(
        self, kind: AnyKind, lookup: str, wanted: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]]:
        parse, found = kind.message.FromString, {}
        async for some in yielding(wanted):
            for values in some:
                filed = sorted(self._pinned.find(kind.name, lookup, *values))
                found[values] = [parse(payload) for _, payload in filed]
        return found

    async def _messages(self, kind: AnyKind, keys: Iterable[str]) -> list[tuple[str, Any]]:
        """Those that exist."""
        found = []
        async for some in yielding(keys):
            for key in some:
                payload = self._pinned.get(kind.name, key)
                if payload is not None:
                    found.append((key, kind.message.FromString(payload)))
        return found


async def select(asked: PageRequest, entities: Iterator[tuple[str, bytes]]) -> Selection:
    """Look at all of these, and let others be answered in between."""
    selection = Selection(asked.kind, asked.filters)
    async for some in yielding(entities):
        selection.take(some)
    return selection


def entities_of(pinned: Pinned, kind: str) -> Iterator[tuple[str, bytes]]:
    for key in pinned.keys(kind):
        payload = pinned.get(kind, key)
        if payload is not None:
            yield key, payload


def find_indexed(pinned: Pinned, asked: PageRequest) -> Iterator[tuple[str, bytes]] | None:
    """The entities that an index has for the filters; None if no index is of use."""
    equals = {f.columns[0]: f.value for f in asked.filters if f.test is EQUAL and not f.columns[1:]}
    for name, lookup in INDEXES.get(asked.kind.name, {}).items():
        if lookup.values is None and equals.keys() >= set(lookup.columns):
            values = (equals[column] for column in lookup.columns)
            return pinned.find(asked.kind.name, name, *values)
    return None
