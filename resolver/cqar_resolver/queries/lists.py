"""Lists from memory: each of one revision; other calls are answered in between."""

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

#: One call looks through a whole kind at a time; so many may wait for their turn.
WAITING_MAX: Final = 32
#: Selections kept, of the newest revision; each has 8 bytes a key, and 100 for a key of two parts.
SELECTIONS_MAX: Final = 4


class CachedSelection(NamedTuple):
    """A selection, and the instant at which it was made."""

    selection: Selection
    since: dt.datetime

    def holds(self, now: dt.datetime) -> bool:
        until = self.selection.until
        return self.since <= now and (until is None or now < until)


class ListCache:
    """Keeps selections that took a look at a whole kind, for the pages to come.

    A selection holds until the next revision, or until one of its entities ceases to pass.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._selections: dict[bytes, CachedSelection] = {}
        self._position: LogPosition | None = None

    async def selection(self, memory: Pinned, page: PageRequest, now: dt.datetime) -> Selection:
        """Return the selection of a list.

        Raises:
            ServiceNotReady: `WAITING_MAX` lists wait for their turn already.
        """
        if (kept := self._find(memory, page, now)) is not None:
            return kept
        if self._waiting >= WAITING_MAX:
            raise ServiceNotReady(f"{WAITING_MAX} lists wait here already: ask another resolver")
        self._waiting += 1
        try:
            async with self._turn:
                # The call that had the turn before may have asked for the same list.
                if (kept := self._find(memory, page, now)) is not None:
                    return kept
                selection = await select(page, entities_of(memory, page.kind.name))
        finally:
            self._waiting -= 1
        self._keep(memory, page, CachedSelection(selection, now))
        return selection

    def _find(self, memory: Pinned, page: PageRequest, now: dt.datetime) -> Selection | None:
        if memory.position != self._position:
            return None
        cached = self._selections.get(page.query_id)
        return cached.selection if cached is not None and cached.holds(now) else None

    def _keep(self, memory: Pinned, page: PageRequest, cached: CachedSelection) -> None:
        if memory.position != self._position:
            self._selections.clear()
            self._position = memory.position
        self._selections.pop(page.query_id, None)
        self._selections[page.query_id] = cached
        if len(self._selections) > SELECTIONS_MAX:
            del self._selections[next(iter(self._selections))]


class SnapshotListReader:
    """Reads memory at one revision; implements `cqar_shared.lists.methods.ListReader`."""

    def __init__(self, memory: Pinned, cache: ListCache, now: Callable[[], dt.datetime]) -> None:
        self._memory = memory
        self._cache = cache
        self._now = now

    async def page(
        self, kind: AnyKind, filters: Sequence[Filter], size: int, token: str
    ) -> ListPage:
        page = paging.page_request(kind, filters, size, token)
        indexed = find_indexed(self._memory, page)
        if indexed is not None:
            selection = await select(page, indexed)
        else:
            selection = await self._cache.selection(self._memory, page, self._now())
        page.require_answerable(selection.total)
        keys = islice(selection.after(page.after), page.limit + 1)
        messages = await self._messages(kind, keys)
        return page.cut(selection.total, [(kind.parts_of(key), each) for key, each in messages])

    async def exists(self, kind: AnyKind, key: str) -> bool:
        if self._memory.get(kind.name, key) is not None:
            return True
        return kind.archives and self._memory.archived("entity", kind.name, key)

    async def keys(self, kind: AnyKind, limit: int) -> list[str]:
        return sorted(self._memory.keys(kind.name))[:limit]

    async def get_many(self, kind: AnyKind, keys: Iterable[str]) -> list[Any]:
        return [message for _, message in await self._messages(kind, sorted(set(keys)))]

    async def find_each(
        self, kind: AnyKind, lookup: str, values: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]]:
        parse, messages = kind.message.FromString, {}
        async for some in yielding(values):
            for each in some:
                entities = sorted(self._memory.find(kind.name, lookup, *each))
                messages[each] = [parse(payload) for _, payload in entities]
        return messages

    async def _messages(self, kind: AnyKind, keys: Iterable[str]) -> list[tuple[str, Any]]:
        """Return (key, message) of the entities that exist."""
        messages = []
        async for some in yielding(keys):
            for key in some:
                payload = self._memory.get(kind.name, key)
                if payload is not None:
                    messages.append((key, kind.message.FromString(payload)))
        return messages


async def select(page: PageRequest, entities: Iterator[tuple[str, bytes]]) -> Selection:
    """Look at every one of these entities; let other calls be answered in between."""
    selection = Selection(page.kind, page.filters)
    async for some in yielding(entities):
        selection.add(some)
    return selection


def entities_of(memory: Pinned, kind: str) -> Iterator[tuple[str, bytes]]:
    """Yield (key, payload) of each entity of a kind."""
    for key in memory.keys(kind):
        payload = memory.get(kind, key)
        if payload is not None:
            yield key, payload


def find_indexed(memory: Pinned, page: PageRequest) -> Iterator[tuple[str, bytes]] | None:
    """Return the entities that an index has for the filters; None if no index is of use."""
    equals = {f.columns[0]: f.value for f in page.filters if f.test is EQUAL and not f.columns[1:]}
    for name, lookup in INDEXES.get(page.kind.name, {}).items():
        if lookup.values is None and equals.keys() >= set(lookup.columns):
            values = (equals[column] for column in lookup.columns)
            return memory.find(page.kind.name, name, *values)
    return None
