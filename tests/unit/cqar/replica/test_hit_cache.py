"""A resolution is returned again only while every word of it is true."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import tracemalloc

import pytest

from cqar.replica.async_replica import AsyncReplica
from cqar.replica.hit_cache import LEASE_S
from cqar.sdk.enums import State
from cqar.sdk.session_position import Position, SessionPosition
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.freshness import DRIFT, boot_clock_s
from cqar_resolver.replication.freshness_lease import lease_of
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from tests.support.change_set_builders import State as Held
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import NOW, a_flag, a_symbol, a_venue, a_venue_symbol, an_asset
from tests.support.memory_registry_view import Held as HeldEntities
from tests.support.memory_registry_view import completed
from tests.unit.resolver.snapshot.test_pinned import apply

ASSETS = (an_asset(), an_asset("USDT"))
SYMBOL = completed(a_symbol(), HeldEntities(*ASSETS))
END = NOW + dt.timedelta(days=1)
LISTING = a_venue_symbol(status=MarketStatusCode.ONLINE, delisted_at=END)
MARKET = encoded(*ASSETS, SYMBOL, a_venue(), LISTING)
KEY = ("binance", "BTCUSDT")


class MarketReplica(AsyncReplica):
    """A replica that holds a market as if it had followed it; nothing is connected."""

    def __init__(self, confirmed_ago_s: float = 0.0) -> None:
        nowhere = ResolverConfig(database_url="postgresql://nowhere/none", nats_url="nats://none")
        super().__init__(nowhere, 1.0, SessionPosition("seen"))
        self.wall = NOW
        self.transport.resolver.now = lambda: self.wall
        self.state: Held = dict(MARKET)
        self.snapshot = hydrated(self.state, 1)
        self.view.replace(self.snapshot, "postgres", NOW)
        self.view.freshness.confirm(boot_clock_s() - confirmed_ago_s)


async def test_the_same_resolution_is_returned_again() -> None:
    replica = MarketReplica()
    first = await replica.resolve(*KEY)
    assert first.tradeable.allowed
    assert await replica.resolve(*KEY) is first


async def test_a_hit_is_awaited_gathered_and_made_a_task_like_any_coroutine() -> None:
    replica = MarketReplica()
    first = await replica.resolve(*KEY)
    async with asyncio.TaskGroup() as group:
        in_group = group.create_task(replica.resolve(*KEY))
    assert in_group.result() is first
    assert await asyncio.create_task(replica.resolve(*KEY)) is first
    assert await asyncio.wait_for(replica.resolve(*KEY), 1) is first
    both = await asyncio.gather(replica.resolve(*KEY), replica.resolve(*KEY))
    assert all(result is first for result in both)
    loop = asyncio.get_running_loop()
    elsewhere = asyncio.run_coroutine_threadsafe(replica.resolve(*KEY), loop)
    assert await asyncio.to_thread(elsewhere.result, 1) is first
    replica.resolve(*KEY).close()
    with pytest.raises(KeyError):
        replica.resolve(*KEY).throw(KeyError())
    assert await replica.resolve(*KEY) is first


async def test_a_hit_allocates_nothing() -> None:
    replica = MarketReplica()
    await replica.resolve(*KEY)
    tracemalloc.start()
    try:
        await replica.resolve(*KEY)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await replica.resolve(*KEY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before <= sys.getsizeof(KEY) + 8, "more than the key that is looked for"


async def test_a_change_is_seen_at_once_and_an_unrelated_one_keeps_the_result() -> None:
    replica = MarketReplica()
    first = await replica.resolve(*KEY)
    replica.state = apply(replica.snapshot, replica.state, encoded(a_venue("kraken")))
    replica.view.announce_revision()
    second = await replica.resolve(*KEY)
    assert second.freshness.revision == first.freshness.revision + 1
    assert second.symbol is first.symbol
    apply(replica.snapshot, replica.state, encoded(a_flag()))
    replica.view.announce_revision()
    denied = await replica.resolve(*KEY)
    assert [reason.code for reason in denied.tradeable.reasons] == ["FLAG_CRITICAL_BASE"]


async def test_its_staleness_is_a_bound_for_as_long_as_it_is_returned() -> None:
    replica = MarketReplica(confirmed_ago_s=0.5)
    confirmed_s = boot_clock_s() - 0.5
    first, until_s = await replica.resolve(*KEY), 0.0
    while await replica.resolve(*KEY) is first:
        until_s = boot_clock_s()
        await asyncio.sleep(0.005)
    reported_ms = first.freshness.staleness_ms
    assert reported_ms is not None
    assert (until_s - confirmed_s) * 1000 <= reported_ms
    assert reported_ms <= 500 * DRIFT + (LEASE_S + 0.2) * 1000 * DRIFT


async def test_nothing_is_returned_again_once_memory_is_stale() -> None:
    replica = MarketReplica()
    for staleness_ms in (0, 4_950, 4_999, 5_000, 9_000):
        lease = lease_of(staleness_ms, 5.0, LEASE_S)
        assert staleness_ms + lease.seconds * 1000 <= max(5_000, staleness_ms)
        assert lease.reported_ms >= staleness_ms + lease.seconds * 1000
    first = await replica.resolve(*KEY)
    replica.view.mark_stale("something is wrong")
    stale = await replica.resolve(*KEY)
    assert stale.freshness.state is State.STALE
    assert first.freshness.state is State.LIVE


async def test_it_is_not_returned_at_an_instant_that_changes_it() -> None:
    replica = MarketReplica()
    replica.wall = END - dt.timedelta(milliseconds=20)
    assert (await replica.resolve(*KEY)).tradeable.allowed
    replica.wall = END
    await asyncio.sleep(0.03)
    ended = await replica.resolve(*KEY)
    assert [reason.code for reason in ended.tradeable.reasons] == ["LISTING_DELISTED"]


async def test_a_later_required_position_ends_earlier_hits() -> None:
    replica = MarketReplica()
    await replica.resolve(*KEY)
    replica.carry(Position(1, 2))
    with pytest.raises(Exception, match="PostgreSQL does not answer|no answer within"):
        await replica.resolve(*KEY)
    await replica.transport.resolver.close()


async def test_a_position_required_while_a_hit_is_added_ends_that_hit() -> None:
    replica = MarketReplica()

    def require_meanwhile() -> dt.datetime:
        replica.carry(Position(1, 2))
        return NOW

    replica.transport.resolver.now = require_meanwhile
    assert (await replica.resolve(*KEY)).freshness.revision == 1
    replica.transport.resolver.now = lambda: NOW
    with pytest.raises(Exception, match="PostgreSQL does not answer|no answer within"):
        await replica.resolve(*KEY)
    await replica.transport.resolver.close()


async def test_hits_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqar.replica.hit_cache.HITS_MAX", 1)
    replica = MarketReplica()
    replica.state = apply(
        replica.snapshot,
        replica.state,
        encoded(a_venue_symbol(venue_symbol="OTHER", listing_id=a_symbol().symbol_id)),
    )
    replica.view.announce_revision()
    hits = replica.hits
    for spelling in ("BTCUSDT", "OTHER", "BTCUSDT"):
        assert hits.add("binance", spelling) is not None
        assert len(hits.entries) == 1
