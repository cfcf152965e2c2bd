"""A list from memory is of one revision, leaves time for others, and is looked for once."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from cqar_resolver.queries import lists
from cqar_resolver.queries.lists import ListCache, SnapshotListReader
from cqar_resolver.snapshot.change_sets import plan
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import ServiceNotReady
from cqar_shared.lists.filters import equal, only_open
from cqar_shared.runtime import event_loop
from tests.support.change_set_builders import (
    State,
    advanced,
    change_set,
    encoded,
    head_of,
    hydrated,
)
from tests.support.entity_builders import NOW, a_venue, a_venue_symbol, an_id

COUNT = 40 * event_loop.CHUNK_ITEMS
HOUR = dt.timedelta(hours=1)
CEX = equal({"venue_type": 1})


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> State:
    """Many venues; whoever looks at them rests as often as can be."""
    monkeypatch.setattr(event_loop, "BUSY_S", 0.0)
    monkeypatch.setattr(event_loop, "REST_S", 0.0)
    return encoded(*(a_venue(f"v{number:05}") for number in range(COUNT)))


def apply(snapshot: Snapshot, state: State, changes: dict[Any, Any]) -> State:
    after = advanced(state, changes)
    revision = snapshot.position.revision + 1
    snapshot.apply(head_of(after, revision), list(plan(snapshot, change_set(changes, revision))))
    return after


async def ids(snapshot: Snapshot, scans: ListCache, size: int = 1000, token: str = "") -> list[str]:
    with snapshot.pinned() as pinned:
        reading = SnapshotListReader(pinned, scans, lambda: NOW)
        page = await reading.page(VENUE, CEX, size, token)
    assert page.total == COUNT
    return [venue.venue_id for venue in page.messages]


async def test_a_list_is_of_the_revision_that_it_began_at(state: State) -> None:
    snapshot = hydrated(state)
    asked = asyncio.create_task(ids(snapshot, ListCache()))
    turns = 0
    while not asked.done():
        await asyncio.sleep(0)
        turns += 1
        if turns % 5 == 0:  # the first of all go, others come before them, and the rest ends
            gone = {("venue", f"v{turns:05}"): None, ("venue", f"v{COUNT - turns:05}"): None}
            state = apply(snapshot, state, {**gone, **encoded(a_venue(f"a{turns:05}"))})
    assert await asked == [f"v{number:05}" for number in range(1000)]
    # Others had their turns between the portions.
    assert turns >= COUNT / event_loop.CHUNK_ITEMS
    assert snapshot.position.revision > 3


class Counting(ListCache):
    """Counts how often a whole kind was looked at."""

    looked = 0

    def _keep(self, *arguments: Any) -> None:
        self.looked += 1
        super()._keep(*arguments)


async def test_the_pages_of_a_revision_take_one_look(state: State) -> None:
    snapshot, scans = hydrated(state), Counting()
    found = await asyncio.gather(*(ids(snapshot, scans) for _ in range(5)))
    assert len({tuple(one) for one in found}) == 1
    await ids(snapshot, scans, size=1)
    assert scans.looked == 1
    apply(snapshot, state, encoded(a_venue("v00000", name="renamed")))
    await ids(snapshot, scans)
    assert scans.looked == 2


async def test_what_is_open_is_looked_for_again_when_something_has_ended() -> None:
    ends = (None, NOW + HOUR, NOW + 2 * HOUR)
    snapshot = hydrated(
        encoded(*(a_venue_symbol(listing_id=an_id(str(end)), delisted_at=end) for end in ends))
    )
    scans = Counting()
    for hours, total, looked in (
        (0, 3, 1),
        (0.9, 3, 1),
        (1, 2, 2),
        (1.5, 2, 2),
        (2, 1, 3),
        (0, 3, 4),
    ):
        now = NOW + hours * HOUR
        wanted = [only_open("include_delisted", "delisted_at", now)]
        with snapshot.pinned() as pinned:
            reading = SnapshotListReader(pinned, scans, lambda now=now: now)  # type: ignore[misc]
            page = await reading.page(VENUE_SYMBOL, wanted, 10, "")
        assert (page.total, scans.looked) == (total, looked), hours


async def test_an_index_is_asked_where_there_is_one() -> None:
    snapshot, scans = hydrated(encoded(a_venue_symbol(listing_id=an_id("one")))), Counting()
    symbol_id = a_venue_symbol().symbol_id
    spelled = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
    for where, total, looked in (
        ({"symbol_id": symbol_id}, 1, 0),
        ({"symbol_id": symbol_id, "venue_id": "kraken"}, 0, 0),
        (spelled, 1, 0),
        ({"venue_id": "binance"}, 1, 1),
    ):
        with snapshot.pinned() as pinned:
            reading = SnapshotListReader(pinned, scans, lambda: NOW)
            page = await reading.page(VENUE_SYMBOL, equal(where), 10, "")
        assert (page.total, scans.looked) == (total, looked), where


async def test_only_so_many_may_wait_and_who_has_gone_waits_no_more(state: State) -> None:
    snapshot, scans = hydrated(state), ListCache()
    some = [asyncio.create_task(ids(snapshot, scans)) for _ in range(lists.WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(ServiceNotReady, match="ask another resolver"):
        await ids(snapshot, scans)
    for task in some:
        task.cancel()
    await asyncio.gather(*some, return_exceptions=True)
    assert len(await ids(snapshot, scans)) == 1000
    assert snapshot._pins == []
