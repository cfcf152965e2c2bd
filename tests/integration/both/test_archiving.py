"""What is long over leaves memory, and no answer: it is read from PostgreSQL, or nobody says it."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.writer.v1 import registry_admin_pb2 as apb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.app import Resolver
from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.config import ResolverConfig
from cqar_resolver.fallback import single_flight
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, delist
from cqar_writer.archiver import Archiver
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay
from tests.support import writer_server
from tests.support.archived_option import (
    AFTER,
    DAY,
    EXPIRY,
    LISTED,
    MARKET,
    OPTION,
    SPELLED,
    SPELLING,
    Clock,
    archive_option,
    tell,
)
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, drain, eventually, head_of, upsert
from tests.support.entity_builders import (
    NOW,
    a_symbol,
    a_venue_symbol,
    an_id,
)
from tests.support.follower_setup import NEVER_S, require_equal, stands_at
from tests.support.integrity_keys import FILES
from tests.support.memory_registry_view import changed
from tests.support.resolver_client import served
from tests.support.spelling_histories import BEGIN, HOUR, History, market_of
from tests.support.table_checks import require_tables_equal_current
from tests.support.tcp_proxy import Link, link_to

WAIT_S: Final = 30


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mutations(engine: AsyncEngine, clock: Clock) -> Mutations:
    return Mutations(engine, clock)


@pytest.fixture
def archiving(engine: AsyncEngine, mutations: Mutations) -> Archiver:
    return Archiver(engine, mutations, AFTER)


class Both(NamedTuple):
    """A writer and a resolver that follows it when told to."""

    writer: writer_server.Client
    resolver: Resolver
    own: Any
    registry: Any
    database: Link
    engine: AsyncEngine
    relay: ChangeRelay

    async def follow(self) -> None:
        """Let the resolver come to where the registry is."""
        await drain(self.relay)
        head = await head_of(self.engine)
        view = self.resolver.view
        await eventually(lambda: stands_at(view, head.epoch, head.revision), WAIT_S)

    @property
    def counts(self) -> dict[str, int]:
        return self.resolver.view.snapshot.counts

    async def resolve(self, spelled: dict[str, str], as_of: dt.datetime | None = None) -> Any:
        request = pb.ResolveRequest(**spelled)
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
        return (await self.own.Resolve(request, timeout=WAIT_S)).resolution

    async def same(self, rpc: str, **asked: Any) -> Any:
        """What writer and resolver both answer, or refuse."""
        request = getattr(rpb, f"{rpc}Request")(**asked)
        by_writer = await _said(self.writer.call(getattr(self.writer.registry, rpc), request))
        by_resolver = await _said(getattr(self.registry, rpc)(request, timeout=WAIT_S))
        assert by_writer == by_resolver, rpc
        return by_writer


async def _said(call: Any) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return error.code()


@pytest.fixture
async def both(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Both]:
    monkeypatch.setattr(single_flight, "BEYOND_MEMORY_S", WAIT_S)
    async with writer_server.serving(engine, NOW) as writer, link_to(database) as (link, url):
        # What one of its probes confirms stays good for the test's time.
        config = ResolverConfig(
            database_url=url, nats_url=servers.nats, probe_every_s=0.5, stale_after_s=NEVER_S
        )
        async with served(config) as at, grpc.aio.insecure_channel(at.target) as channel:
            resolver = at.resolver
            await eventually(lambda: resolver.view.state == pb.SNAPSHOT_STATE_LIVE, WAIT_S)
            stubs: tuple[Any, Any] = ResolverStub(channel), AssetRegistryStub(channel)
            yield Both(writer, resolver, *stubs, link, engine, relay)


# ---------------------------------------------------------------- a life


async def test_an_expired_option_leaves_memory_stays_an_answer_and_comes_back_when_changed(
    both: Both, mutations: Mutations, archiving: Archiver, clock: Clock, database: str
) -> None:
    await commit(mutations, *MARKET, OPTION)
    await commit(mutations, LISTED)
    clock.now = EXPIRY + AFTER
    assert await archiving.step() == 0  # not a moment before its time
    await both.follow()
    before = both.counts
    now, then = await both.resolve(SPELLED), await both.resolve(SPELLED, EXPIRY - DAY)

    clock.now += HOUR
    assert await archiving.step() == 2
    assert await archiving.step() == 0
    await both.follow()
    left = {"symbol": before["symbol"] - 1, "venue_symbol": 0, "archive": 1}
    assert {kind: both.counts.get(kind, 0) for kind in left} == left
    await require_equal(both.resolver.view, database)

    for asked, was in ((None, now), (EXPIRY - DAY, then)):
        found = await both.resolve(SPELLED, asked)
        found.ClearField("freshness")
        was.ClearField("freshness")
        assert found == was
    assert {reason.code for reason in now.tradeable.open.reasons} == {"SYMBOL_EXPIRED"}
    assert (then.status, then.specs.tick_size) == (pb.RESOLUTION_STATUS_FOUND, "0.01")
    got = await both.same("GetVenueSymbol", **SPELLED)
    assert got.venue_symbol.listing_id == LISTED.listing_id
    symbol = (await both.same("GetSymbol", symbol_id=OPTION.symbol_id)).symbol
    assert symbol.symbol == got.symbol.symbol == "BTC/USDT:USDT-210401-60000-C"
    listed = await both.same("ListVenueSymbols", venue_id="deribit", include_delisted=True)
    assert (list(listed.venue_symbols), listed.total_count) == ([], 0)
    assert (await both.same("ListSymbols", symbol_type=4)).total_count == 0
    assert (await both.same("ListSymbols")).total_count == 1
    head = await both.writer.call(both.writer.admin.GetHead, apb.GetHeadRequest())
    assert dict(head.counts) == both.counts

    clock.now += HOUR
    await tell(mutations, changed(LISTED, tick_size=Decimal("0.5")))
    await both.follow()
    assert both.counts == {**before, "archive": 1}
    await require_equal(both.resolver.view, database)
    assert (await both.resolve(SPELLED)).specs.tick_size == "0.5"
    found = await both.resolve(SPELLED, EXPIRY - DAY)
    assert found.specs.tick_size == "0.01"
    assert await archiving.step() == 2  # and goes again
    await both.follow()
    left["archive"] = 2
    assert {kind: both.counts.get(kind, 0) for kind in left} == left
    await require_equal(both.resolver.view, database)
    await require_tables_equal_current(both.engine)


async def test_what_is_nowhere_is_said_without_postgres_and_what_is_archived_is_not(
    both: Both,
    mutations: Mutations,
    archiving: Archiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await archive_option(mutations, archiving, clock)
    await both.follow()
    await both.resolve(SPELLED)
    both.database.go_down()
    monkeypatch.setattr(single_flight, "BEYOND_MEMORY_S", 0.5)
    unknown = {"venue_id": "deribit", "venue_symbol": "NONE"}
    keys = [pb.VenueSymbolKey(**SPELLED), pb.VenueSymbolKey(**unknown)]
    option = {"symbol_id": OPTION.symbol_id}
    spelled, nothing = pb.ResolveRequest(**SPELLED), pb.ResolveRequest(**unknown)
    code = grpc.StatusCode
    calls = [
        (both.own.Resolve(spelled), code.UNAVAILABLE),
        (both.own.ResolveBatch(pb.ResolveBatchRequest(keys=keys)), code.UNAVAILABLE),
        (both.own.FindVenueSymbols(pb.FindVenueSymbolsRequest(**option)), code.UNAVAILABLE),
        (both.own.CheckOrder(pb.CheckOrderRequest(**SPELLED)), code.UNAVAILABLE),
        (both.registry.GetVenueSymbol(rpb.GetVenueSymbolRequest(**SPELLED)), code.UNAVAILABLE),
        (both.registry.GetSymbol(rpb.GetSymbolRequest(**option)), code.UNAVAILABLE),
        (both.own.Resolve(nothing), code.NOT_FOUND),
        (both.registry.GetVenueSymbol(rpb.GetVenueSymbolRequest(**unknown)), code.NOT_FOUND),
        (both.registry.GetSymbol(rpb.GetSymbolRequest(symbol_id=an_id("no"))), code.NOT_FOUND),
    ]
    for call, expected in calls:
        assert (await refusal(call)).code is expected
    batch = await both.own.ResolveBatch(pb.ResolveBatchRequest(keys=keys[1:]))
    assert batch.resolutions[0].status == pb.RESOLUTION_STATUS_NOT_FOUND


# ---------------------------------------------------------------- the law


async def everything(both: Both, history: History, instants: list[dt.datetime]) -> list[Any]:
    """What is answered of a history's spellings, now and as of other times, but for freshness."""
    spellings = market_of("binance")
    found: list[Any] = []
    for spelling in spellings:
        spelled = {"venue_id": "binance", "venue_symbol": spelling}
        found += [await _said(both.resolve(spelled, moment)) for moment in (None, *instants)]
        found.append(await both.same("GetVenueSymbol", **spelled))
        order = pb.CheckOrderRequest(**spelled, quantity="1")
        found.append(await _said(both.own.CheckOrder(order)))
    keys = [pb.VenueSymbolKey(venue_id="binance", venue_symbol=s) for s in (*spellings, "NONE")]
    for moment in (None, *instants):
        request = pb.ResolveBatchRequest(keys=keys)
        if moment is not None:
            request.as_of.FromDatetime(moment)
        found.append(await both.own.ResolveBatch(request, timeout=WAIT_S))
    for symbol_id in (OPTION.symbol_id, a_symbol().symbol_id):
        asked = pb.FindVenueSymbolsRequest(symbol_id=symbol_id)
        found.append(await both.own.FindVenueSymbols(asked, timeout=WAIT_S))
        found.append(await both.same("GetSymbol", symbol_id=symbol_id))
    for one in found:
        if not isinstance(one, grpc.StatusCode) and "freshness" in one.DESCRIPTOR.fields_by_name:
            one.ClearField("freshness")
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_no_answer_changes_with_what_is_archived_and_none_with_what_comes_back(
    seed: int,
    both: Both,
    mutations: Mutations,
    engine: AsyncEngine,
    clock: Clock,
    database: str,
) -> None:
    history = History("binance", market_of("binance"), seed)
    await commit(mutations, *MARKET, OPTION)
    await commit(mutations, LISTED)
    archiving = Archiver(engine, mutations, 2 * DAY)
    archived = 0
    for _ in range(4):
        for _ in range(25):
            listing, as_of = history.step()
            clock.now = history.now
            applied = await mutations.apply([upsert(listing)], CAUSE, historical=True, as_of=as_of)
            assert [str(o.error) for o in applied.outcomes if o.error] == []
        await both.follow()
        instants = history.instants(6)
        before = await everything(both, history, instants)
        archived += await archiving.step()
        await both.follow()
        assert await everything(both, history, instants) == before
        await require_equal(both.resolver.view, database)
    assert archived > 3
    assert both.counts["venue_symbol"] < 8
    await require_tables_equal_current(engine)


# ---------------------------------------------------------------- what goes when


async def test_a_primary_stays_while_an_alias_stands_for_it_and_comes_back_with_one(
    both: Both, mutations: Mutations, archiving: Archiver, clock: Clock
) -> None:
    primary = a_venue_symbol(listing_id=an_id("primary"), listed_at=BEGIN)
    bare = {"tick_size": None, "lot_size": None, "is_primary": False}
    named = {"listing_id": an_id("alias"), "venue_symbol": "XBT", "alias_of": "BTCUSDT"}
    alias = a_venue_symbol(**named, listed_at=BEGIN, **bare)
    await commit(mutations, *MARKET, primary)
    await commit(mutations, alias)
    clock.now += DAY
    await tell(mutations, delist(primary, clock.now))
    clock.now += AFTER + DAY
    assert await archiving.step() == 0
    await tell(mutations, delist(alias, clock.now))
    clock.now += AFTER + DAY
    assert await archiving.step() == 2
    await both.follow()
    assert "venue_symbol" not in both.counts
    await tell(mutations, changed(delist(alias, clock.now), metadata={"note": "a slip"}))
    await both.follow()
    assert both.counts["venue_symbol"] == 2
    spelled = {"venue_id": "binance", "venue_symbol": "XBT"}
    assert (await both.same("GetVenueSymbol", **spelled)).symbol.symbol == "BTC/USDT"
    assert (await both.resolve(spelled)).specs.tick_size == "0.01"


async def test_a_spelling_that_means_something_again_is_answered_from_memory(
    both: Both, mutations: Mutations, archiving: Archiver, clock: Clock
) -> None:
    await commit(mutations, *MARKET, a_venue_symbol(listing_id=an_id("one"), listed_at=BEGIN))
    clock.now += DAY
    ended = delist(a_venue_symbol(listing_id=an_id("one"), listed_at=BEGIN), clock.now)
    await tell(mutations, ended)
    clock.now += AFTER + DAY
    assert await archiving.step() == 1
    await tell(mutations, a_venue_symbol(listing_id=an_id("two"), listed_at=clock.now))
    await both.follow()
    spelled = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
    old = await both.resolve(spelled, BEGIN + HOUR)
    assert old.venue_symbol.listing_id == an_id("one")
    both.database.go_down()
    assert (await both.resolve(spelled)).venue_symbol.listing_id == an_id("two")


async def test_a_symbol_that_comes_back_alone_is_still_found_with_its_spellings(
    both: Both, mutations: Mutations, archiving: Archiver, clock: Clock, database: str
) -> None:
    await archive_option(mutations, archiving, clock)
    await tell(mutations, changed(OPTION, tick_size=Decimal(5)))
    await both.follow()
    assert (both.counts["symbol"], both.counts.get("venue_symbol")) == (2, None)
    await require_equal(both.resolver.view, database)
    request = pb.FindVenueSymbolsRequest(symbol_id=OPTION.symbol_id)
    found = await both.own.FindVenueSymbols(request, timeout=WAIT_S)
    assert [one.venue_symbol for one in found.venue_symbols] == [SPELLING]
    assert (await both.resolve(SPELLED)).symbol.exact.tick_size == "5"


async def test_what_is_removed_after_it_was_archived_is_nowhere(
    both: Both, mutations: Mutations, archiving: Archiver, clock: Clock, database: str
) -> None:
    await archive_option(mutations, archiving, clock)
    for kind, key in ((VENUE_SYMBOL, LISTED.listing_id), (SYMBOL, OPTION.symbol_id)):
        applied = await mutations.apply(
            [Item(kind=kind, intent=ChangeIntent.REMOVE, key=key)], CAUSE
        )
        assert applied.committed
    await both.follow()
    await require_equal(both.resolver.view, database)
    gone = grpc.StatusCode.NOT_FOUND
    assert await both.same("GetVenueSymbol", **SPELLED) is gone
    assert await both.same("GetSymbol", symbol_id=OPTION.symbol_id) is gone
    assert await _said(both.resolve(SPELLED)) is gone
    assert await _said(both.resolve(SPELLED, EXPIRY - DAY)) is gone


async def test_a_snapshot_from_a_file_knows_what_was_archived(
    both: Both, mutations: Mutations, archiving: Archiver, clock: Clock
) -> None:
    await archive_option(mutations, archiving, clock)
    await both.follow()
    served_now = both.resolver.view.snapshot
    written = b"".join(
        checkpoint_format.image_parts(
            served_now.head, served_now.iter_entities(), None, FILES, "this one"
        )
    )
    snapshot = checkpoint_format.read(written, FILES).snapshot()
    assert snapshot.archived("spelling", *SPELLED.values())
    assert snapshot.archived("entity", "symbol", OPTION.symbol_id)
    assert not snapshot.archived("spelling", "deribit", "NONE")
