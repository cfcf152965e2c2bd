"""As of any instant: the meaning, status and steps of that time, wherever they are read."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.services.v1 import asset_registry_pb2 as rpb
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.fallback import single_flight
from cqar_resolver.queries.execute import FallbackRequest
from cqar_resolver.queries.resolution import ResolveQuery
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, delist
from cqar_shared.domain.listing_term_rules import ScheduledTerm
from cqar_shared.queries.query import QueryContext
from cqar_shared.queries.reader import NotResident
from cqar_writer.mutations import Mutations
from tests.support import writer_server
from tests.support.archived_option import Clock
from tests.support.commits import CAUSE, commit, eventually, upsert
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.memory_registry_view import changed
from tests.support.resolver_client import WAIT_S, Ask, Asked
from tests.support.spelling_histories import BEGIN, HOUR, TICK, History, Said, market_of

STATUS = pb.ResolutionStatus
SPELLED = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}


class Both(NamedTuple):
    """A writer and a resolver of one registry."""

    asked: Asked
    writer: writer_server.Client


#: Serves all that was told before, until the block ends.
Serve = Callable[[], AbstractAsyncContextManager[Both]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def told(engine: AsyncEngine, clock: Clock) -> Mutations:
    mutations = Mutations(engine, clock)
    await commit(mutations, an_asset(), an_asset("USDT"), a_venue(), a_symbol())
    return mutations


@pytest.fixture
def serve(ask: Ask, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Serve:
    monkeypatch.setattr(single_flight, "BEYOND_MEMORY_S", WAIT_S)

    @asynccontextmanager
    async def serving() -> AsyncIterator[Both]:
        async with writer_server.serving(engine, NOW) as writer, ask(follows=True) as asked:
            await eventually(lambda: asked.resolver.view.is_complete, WAIT_S)
            yield Both(asked, writer)

    return serving


async def tell(told: Mutations, listing: Any, as_of: dt.datetime | None = None) -> int:
    applied = await told.apply([upsert(listing)], CAUSE, historical=True, as_of=as_of)
    assert [str(o.error) for o in applied.outcomes if o.error] == []
    return applied.revision


def at(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def said(found: pb.Resolution) -> Said:
    assert not found.HasField("tradeable")
    listing = found.venue_symbol
    market = MarketStatusCode(listing.status) if listing.HasField("status") else None
    return Said(
        STATUS.Name(found.status).removeprefix("RESOLUTION_STATUS_"),
        listing.listing_id,
        market,
        found.specs.tick_size if found.HasField("specs") else None,
    )


async def resolve(both: Both, spelling: str, moment: dt.datetime, venue: str = "binance") -> Said:
    """What the resolver says; the writer, and PostgreSQL alone, say the same."""
    own, registry = both.asked.own, both.asked.registry
    request = pb.ResolveRequest(venue_id=venue, venue_symbol=spelling, as_of=at(moment))
    found = (await both.asked.answer(own.Resolve, request))[0].resolution
    wanted = rpb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling, as_of=at(moment))
    by_resolver, _ = await both.asked.answer(registry.GetVenueSymbol, wanted)
    by_writer = await both.writer.call(both.writer.registry.GetVenueSymbol, wanted)
    assert by_resolver == by_writer
    assert by_writer.venue_symbol == found.venue_symbol
    return said(found)


# ---------------------------------------------------------------- the law


async def lived(
    told: Mutations, clock: Clock, spellings: tuple[str, ...], seed: int, steps: int
) -> History:
    """A history that the registry was told."""
    history = History("binance", spellings, seed)
    for _ in range(steps):
        listing, as_of = history.step()
        clock.now = history.now
        await tell(told, listing, as_of)
    return history


@pytest.mark.parametrize("seed", range(4))
async def test_any_history_is_told_as_a_replay_of_it_tells_it(
    seed: int, serve: Serve, told: Mutations, clock: Clock
) -> None:
    spellings = market_of("binance")
    history = await lived(told, clock, spellings, seed, 60)
    tiers = set()
    async with serve() as both:
        for moment in history.instants(40):
            for spelling in spellings:
                expected = history.said(spelling, moment)
                if expected is not None:
                    assert await resolve(both, spelling, moment) == expected, (spelling, moment)
                    tiers.add(await require_below_and_in_memory(both, spelling, moment, expected))
    assert tiers == {"memory", "postgres"}


async def require_below_and_in_memory(
    both: Both, spelling: str, moment: dt.datetime, expected: Said
) -> str:
    """PostgreSQL alone says so, and memory, where it can; returns which tier answers."""
    resolver = both.asked.resolver
    snapshot = resolver.view.snapshot
    query = ResolveQuery("binance", spelling, moment, NOW)
    position = snapshot.position[:2]
    request = FallbackRequest(query, "", position, pb.Freshness(), None, 0)
    below = await resolver.fallback.answer(request)
    assert (below.tier, said(below.get().resolution)) == ("postgres", expected)
    try:
        found = query.run(QueryContext(snapshot))
    except NotResident:
        return "postgres"
    assert said(found.resolution) == expected
    return "memory"


async def test_a_batch_of_another_time_is_answered_as_one_by_one(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    spellings = market_of("binance")
    history = await lived(told, clock, spellings, 7, 40)
    keys = [pb.VenueSymbolKey(venue_id="binance", venue_symbol=s) for s in (*spellings, "NONE")]
    async with serve() as both:
        for moment in history.instants(20):
            request = pb.ResolveBatchRequest(keys=keys, as_of=at(moment))
            answer, _ = await both.asked.answer(both.asked.own.ResolveBatch, request)
            *found, none = answer.resolutions
            assert none.status == pb.RESOLUTION_STATUS_NOT_FOUND
            assert none.not_found.code == "VENUE_SYMBOL_NOT_FOUND"
            assert [said(one) for one in found] == [history.said(s, moment) for s in spellings]


async def test_others_are_answered_while_a_long_batch_of_another_time_is(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    listing = a_venue_symbol(listing_id=an_id("listing"), listed_at=BEGIN)
    await tell(told, listing)
    clock.now = BEGIN + HOUR
    await tell(told, changed(listing, tick_size=Decimal(2)))
    keys = [pb.VenueSymbolKey(**SPELLED)] * 2_000
    async with serve() as both:
        own = both.asked.own
        for moment, tick in ((BEGIN, "0.01"), (BEGIN + HOUR, "2")):
            request = pb.ResolveBatchRequest(keys=keys, as_of=at(moment))
            batch = asyncio.ensure_future(both.asked.answer(own.ResolveBatch, request))
            others = 0
            while not batch.done():
                await both.asked.answer(own.Resolve, pb.ResolveRequest(**SPELLED))
                others += 1
            answer, _ = await batch
            assert {found.specs.tick_size for found in answer.resolutions} == {tick}
            assert len(answer.resolutions) == len(keys)
            assert others > 1


# ---------------------------------------------------------------- one by one


async def test_an_alias_has_its_primarys_terms_of_that_time(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    primary = a_venue_symbol(listing_id=an_id("primary"), listed_at=BEGIN, is_primary=True)
    bare = {"tick_size": None, "lot_size": None, "is_primary": False}
    alias = a_venue_symbol(
        listing_id=an_id("alias"),
        venue_symbol="BTC/USDT",
        listed_at=BEGIN,
        alias_of="BTCUSDT",
        **bare,
    )
    await tell(told, primary)
    await tell(told, alias)
    clock.now = BEGIN + 2 * HOUR
    halted = {"status": MarketStatusCode.HALTED, "tick_size": Decimal("0.5")}
    await tell(told, changed(primary, **halted))
    online, halt = MarketStatusCode.ONLINE, MarketStatusCode.HALTED
    async with serve() as both:
        found = [await resolve(both, "BTC/USDT", BEGIN + n * HOUR) for n in (-1, 1, 2)]
    assert found == [
        Said("NOT_YET_LISTED", alias.listing_id, None, None),
        Said("FOUND", alias.listing_id, online, "0.01"),
        Said("FOUND", alias.listing_id, halt, "0.5"),
    ]


async def test_what_an_alias_was_before_it_became_one_stays_its_own(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    later = {"listing_id": an_id("later"), "venue_symbol": "BTC-USDT", "is_primary": False}
    own = a_venue_symbol(listed_at=BEGIN, **{**later, "tick_size": Decimal("0.25")})
    await tell(told, a_venue_symbol(listing_id=an_id("primary"), listed_at=BEGIN))
    await tell(told, own)
    clock.now = BEGIN + HOUR
    alias = changed(own, alias_of="BTCUSDT", tick_size=None, lot_size=None)
    await tell(told, alias)
    async with serve() as both:
        assert (await resolve(both, "BTC-USDT", BEGIN)).tick == "0.25"
        assert (await resolve(both, "BTC-USDT", BEGIN + HOUR)).tick == "0.01"


async def test_what_a_change_says_of_the_past_goes_behind_what_is_known_of_later(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    clock.now = BEGIN + 9 * HOUR
    listing = a_venue_symbol(listing_id=an_id("listing"), listed_at=BEGIN)
    first = await tell(told, listing)
    old = changed(listing, tick_size=Decimal(7))
    assert await tell(told, old, BEGIN + HOUR) == first + 1
    assert await tell(told, old, BEGIN + 2 * HOUR) == first + 1  # it is so already
    ended = delist(old, BEGIN + 5 * HOUR)
    await tell(told, ended, BEGIN + 5 * HOUR)
    async with serve() as both:
        found = [await resolve(both, "BTCUSDT", BEGIN + n * HOUR) for n in (1, 9)]
    assert found == [
        Said("FOUND", listing.listing_id, MarketStatusCode.ONLINE, "7"),
        Said("DELISTED", listing.listing_id, MarketStatusCode.DELISTED, "0.01"),
    ]


async def test_what_is_to_come_is_told_by_what_is_known_now(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    """The steps announced for then, the period's end, and no verdict."""
    moment = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
    change = ScheduledTerm(effective_at=moment - HOUR, field="tick_size", value="0.5")
    listing = a_venue_symbol(
        listing_id=an_id("listing"), listed_at=BEGIN, scheduled=(change,), delisted_at=moment + HOUR
    )
    await tell(told, listing)
    future = at(moment)
    keys = [pb.VenueSymbolKey(**SPELLED)]
    spelled = rpb.GetVenueSymbolRequest(**SPELLED, as_of=future)
    async with serve() as both:
        asked, writer = both.asked, both.writer
        calls = [
            asked.own.Resolve(pb.ResolveRequest(**SPELLED, as_of=future)),
            asked.own.ResolveBatch(pb.ResolveBatchRequest(keys=keys, as_of=future)),
            asked.registry.GetVenueSymbol(spelled),
            writer.call(writer.registry.GetVenueSymbol, spelled),
        ]
        one, batch, by_resolver, by_writer = [await call for call in calls]
        over = await asked.own.Resolve(pb.ResolveRequest(**SPELLED, as_of=at(moment + HOUR)))
    (many,) = batch.resolutions
    for found in (one.resolution, many):
        assert said(found) == Said("FOUND", listing.listing_id, MarketStatusCode.ONLINE, "0.5")
        assert found.projected
        assert not found.HasField("tradeable")
    assert by_resolver == by_writer
    assert (by_writer.venue_symbol, by_writer.projected) == (one.resolution.venue_symbol, True)
    assert by_writer.venue_symbol.ends_at == at(moment + HOUR)
    assert over.resolution.status == pb.RESOLUTION_STATUS_DELISTED


async def test_an_announced_change_turns_in_writer_and_resolver_without_an_event(
    serve: Serve, told: Mutations, clock: Clock
) -> None:
    """And lookups of the past have it from its instant on, whatever was stated since."""
    change = ScheduledTerm(effective_at=BEGIN + 2 * HOUR, field="tick_size", value="0.5")
    listing = a_venue_symbol(listing_id=an_id("listing"), listed_at=BEGIN, scheduled=(change,))
    await tell(told, listing)
    moments = [BEGIN + HOUR, BEGIN + 2 * HOUR - TICK, BEGIN + 2 * HOUR, BEGIN + 3 * HOUR]
    for later in (None, changed(listing, tick_size=Decimal(3), scheduled=None)):
        if later is not None:
            clock.now = BEGIN + 4 * HOUR
            await tell(told, later)
        async with serve() as both:
            found = [(await resolve(both, "BTCUSDT", moment)).tick for moment in moments]
            now, _ = await both.asked.answer(both.asked.own.Resolve, pb.ResolveRequest(**SPELLED))
        assert found == ["0.01", "0.01", "0.5", "0.5"]
        assert now.resolution.specs.tick_size == ("0.5" if later is None else "3")


async def test_terms_of_before_are_unavailable_without_postgres_and_the_present_ones_are_not(
    serve: Serve, told: Mutations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = a_venue_symbol(listing_id=an_id("listing"), listed_at=BEGIN)
    await tell(told, listing)
    clock.now = BEGIN + 2 * HOUR
    await tell(told, changed(listing, tick_size=Decimal(2)))
    newer = pb.ResolveRequest(**SPELLED, as_of=at(BEGIN + 2 * HOUR))
    older = pb.ResolveRequest(**SPELLED, as_of=at(BEGIN + 2 * HOUR - TICK))
    nothing = pb.ResolveRequest(venue_id="binance", venue_symbol="NONE", as_of=at(BEGIN))
    async with serve() as both:
        monkeypatch.setattr(single_flight, "BEYOND_MEMORY_S", 0.5)
        both.asked.database.go_down()
        own = both.asked.own
        answer, _ = await both.asked.answer(own.Resolve, newer)
        assert answer.resolution.specs.tick_size == "2"
        assert await both.asked.code(own.Resolve, older) is grpc.StatusCode.UNAVAILABLE
        assert await both.asked.code(own.Resolve, nothing) is grpc.StatusCode.NOT_FOUND
