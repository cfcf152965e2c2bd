"""What answers while memory cannot: Redis for one value, PostgreSQL for all else, or nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import redis.asyncio
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as rpb
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from resolver import fallback
from resolver.config import ResolverConfig, StaleVerdict
from shared import min_revision
from shared.breaker import FAILURES_MAX
from shared.entities.asset import ASSET
from tests.asking import Asked, serving
from tests.builders import BTC, ETH, a_flag, a_venue, an_asset, an_id
from tests.caching import Process, process
from tests.changes import commit, eventually
from tests.following import writing
from tests.links import link_to
from tests.lives import one_of_each
from writer.config import WriterConfig
from writer.mutations import Mutations

HYDRATING, LIVE = pb.SNAPSHOT_STATE_HYDRATING, pb.SNAPSHOT_STATE_LIVE
WAIT_S = 30
SPELLING = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}


Ask = Callable[..., Any]


@pytest.fixture
async def ask(
    servers: EmbeddedServers, database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ask]:
    """Serves from a resolver of which nothing is loaded or followed unless `follows`."""
    assert client.is_connected
    # Tests share two slow cores: what is tried is not whether PostgreSQL takes 250 ms.
    monkeypatch.setattr(fallback, "BUDGET_S", WAIT_S)
    monkeypatch.setattr(min_revision, "WAIT_MAX_S", 0.5)
    async with redis.asyncio.Redis.from_url(servers.redis) as store:
        await store.flushall()

    @asynccontextmanager
    async def asking(*, follows: bool) -> AsyncIterator[Asked]:
        async with (
            link_to(database) as (to_database, url),
            link_to(servers.redis) as (to_cache, cache),
        ):
            config = ResolverConfig(
                database_url=url, nats_url=servers.nats, redis_url=cache, probe_every_s=0.1
            )
            async with serving(config, follows=follows) as (resolver, channel):
                yield Asked(resolver, channel, to_database, to_cache)

    return asking


def question(spelling: str = "BTCUSDT") -> pb.ResolveRequest:
    return pb.ResolveRequest(venue_id="binance", venue_symbol=spelling)


# ---------------------------------------------------------------- while loading


async def test_postgres_answers_everything_while_the_first_snapshot_loads(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with ask(follows=False) as asked:
        answer, told = await asked.answer(asked.own.Resolve, question())
        resolution = answer.resolution
        assert resolution.symbol.symbol == "BTC/USDT"
        assert resolution.base_asset.symbol == "BTC"
        assert resolution.freshness.state == HYDRATING
        assert (told["cqar-state"], told["cqar-revision"]) == ("HYDRATING", "1")
        assert 0 < resolution.freshness.staleness_ms < 10_000
        keys = [pb.VenueSymbolKey(venue_id="binance", venue_symbol=s) for s in ("BTCUSDT", "no")]
        batch, _ = await asked.answer(asked.own.ResolveBatch, pb.ResolveBatchRequest(keys=keys))
        statuses = [found.status for found in batch.resolutions]
        assert statuses == [pb.RESOLUTION_STATUS_FOUND, pb.RESOLUTION_STATUS_NOT_FOUND]
        found, _ = await asked.answer(
            asked.registry.GetVenueSymbol,
            rpb.GetVenueSymbolRequest(**SPELLING),
        )
        assert found.symbol.symbol == "BTC/USDT"
        assert await asked.code(asked.own.Resolve, question("NONE")) is grpc.StatusCode.NOT_FOUND


async def test_below_memory_and_in_memory_the_answers_are_the_same(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())

    async def all_answers(asked: Asked) -> list[bytes]:
        found = []
        for name, request in (
            ("GetAsset", rpb.GetAssetRequest(asset_id=BTC)),
            ("GetChain", rpb.GetChainRequest(chain_id="ethereum")),
            ("GetVenue", rpb.GetVenueRequest(venue_id="binance")),
            ("GetVenueAsset", rpb.GetVenueAssetRequest(venue_id="binance", asset_id=BTC)),
            (
                "GetVenueSymbol",
                rpb.GetVenueSymbolRequest(**SPELLING),
            ),
        ):
            answer, _ = await asked.answer(getattr(asked.registry, name), request)
            found.append(answer.SerializeToString(deterministic=True))
        answer, _ = await asked.answer(asked.own.Resolve, question())
        answer.resolution.ClearField("freshness")
        answer.resolution.ClearField("tradeable")
        return [*found, answer.SerializeToString(deterministic=True)]

    async with ask(follows=False) as asked:
        below = await all_answers(asked)
    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        assert await all_answers(asked) == below


async def test_redis_answers_for_one_value_and_never_says_not_found(
    ask: Ask, engine: AsyncEngine, servers: EmbeddedServers, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with process(engine, servers.redis) as writer, ask(follows=False) as asked:
        await fill(writer)
        asked.database.go_down()
        asset, told = await asked.answer(asked.registry.GetAsset, rpb.GetAssetRequest(asset_id=BTC))
        assert asset.asset.symbol == "BTC"
        assert (told["cqar-revision"], told["cqar-state"]) == ("1", "HYDRATING")
        # How old that may be, Redis does not say.
        assert "cqar-staleness-ms" not in told
        unknown = rpb.GetAssetRequest(asset_id=an_id("unknown"))
        for method, request in (
            (asked.registry.GetAsset, unknown),
            (asked.own.Resolve, question()),  # several values: never composed of Redis's
        ):
            assert await asked.code(method, request) is grpc.StatusCode.UNAVAILABLE


async def test_redis_answers_nobody_who_saw_an_epoch_that_has_ended(
    ask: Ask, engine: AsyncEngine, servers: EmbeddedServers, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    assert await mutations.bump_epoch(1, 1, 1)
    async with process(engine, servers.redis) as writer, ask(follows=False) as asked:
        await fill(writer)
        asked.database.go_down()
        request = rpb.GetAssetRequest(asset_id=BTC)
        _, told = await asked.answer(asked.registry.GetAsset, request, "2:2")
        assert told["cqar-epoch"] == "2"
        # What the caller saw may never have been kept: it is never shown another history.
        code = await asked.code(asked.registry.GetAsset, request, "1:1")
        assert code is grpc.StatusCode.UNAVAILABLE
        asked.database.come_back()
        code = await asked.code(asked.registry.GetAsset, request, "1:1")
        assert code is grpc.StatusCode.ABORTED


async def test_who_asks_for_the_future_keeps_nobody_else_from_postgres(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with ask(follows=False) as asked:
        asked.database.go_down()
        for _ in range(FAILURES_MAX):
            await asked.code(asked.own.Resolve, question())
        asked.database.come_back()

        async def is_told_where_the_registry_is() -> bool:
            call = asked.own.Resolve(question(), metadata=(("cqar-min-revision", "1:99"),))
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
            return "the registry is at 1:1" in await call.details()

        await eventually(is_told_where_the_registry_is, WAIT_S)
        await asked.answer(asked.own.Resolve, question())


async def fill(writer: Process) -> None:
    """Reads an asset through a writer's cache, which keeps it."""
    await writer.write_through()
    await writer.read(lambda reader: reader.get(ASSET, BTC))
    await writer.read(lambda reader: reader.get(ASSET, BTC))


async def test_with_nothing_to_ask_it_is_unavailable_within_the_budget(
    ask: Ask, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(mutations, *one_of_each())
    monkeypatch.setattr(fallback, "BUDGET_S", 0.25)
    async with ask(follows=False) as asked:
        asked.database.open.clear()  # takes connections and never answers
        asked.cache.open.clear()
        began = asyncio.get_running_loop().time()
        assert await asked.code(asked.own.Resolve, question()) is grpc.StatusCode.UNAVAILABLE
        assert asyncio.get_running_loop().time() - began < WAIT_S / 3, "it waited without a bound"
        asked.database.open.set()
        asked.cache.open.set()

        async def answers() -> bool:
            try:
                await asked.answer(asked.own.Resolve, question())
            except grpc.aio.AioRpcError:
                return False
            return True

        await eventually(answers, WAIT_S)


async def test_many_who_ask_the_same_share_one_flight_and_connections_stay_few(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with ask(follows=False) as asked:
        flights: list[int] = []

        async def all_ask() -> None:
            calls = [asked.answer(asked.own.Resolve, question()) for _ in range(100)]
            gathered = asyncio.gather(*calls)
            while not gathered.done():
                flights.append(len(asked.resolver.fallback.running))
                await asyncio.sleep(0)
            answers = await gathered
            assert len({a.SerializeToString(deterministic=True) for a, _ in answers}) <= 3

        await all_ask()
        assert max(flights) == 1
        assert asked.database.asked <= fallback.CONNECTIONS_MAX


async def test_ones_own_crowd_is_not_taken_for_a_postgres_that_is_down(
    ask: Ask, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(mutations, *one_of_each())
    monkeypatch.setattr(fallback, "PATIENCE_S", WAIT_S)
    async with ask(follows=False) as asked:
        await asked.answer(asked.own.Resolve, question())
        monkeypatch.setattr(fallback, "BUDGET_S", 0.05)
        calls = [asked.own.Resolve(question(f"S{number}")) for number in range(300)]
        codes = await asyncio.gather(*(call.code() for call in calls))
        # PostgreSQL knows none of them; most were never asked for within the budget.
        assert set(codes) <= {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE}
        assert grpc.StatusCode.UNAVAILABLE in codes
        monkeypatch.setattr(fallback, "BUDGET_S", WAIT_S)
        found, _ = await asked.answer(asked.own.Resolve, question())
        assert found.resolution.symbol.symbol == "BTC/USDT"


# ---------------------------------------------------------------- with a complete snapshot


async def test_a_complete_snapshots_miss_asks_nobody_even_where_nobody_is(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        asked.database.go_down()
        asked.cache.go_down()
        before = (asked.database.asked, asked.cache.asked)
        for number in range(200):
            code = await asked.code(asked.own.Resolve, question(f"NONE{number}"))
            assert code is grpc.StatusCode.NOT_FOUND
            request = rpb.GetAssetRequest(asset_id=an_id(f"none {number}"))
            assert await asked.code(asked.registry.GetAsset, request) is grpc.StatusCode.NOT_FOUND
        assert (asked.database.asked, asked.cache.asked) == before


async def test_that_an_asset_may_be_traded_is_said_only_by_who_is_sure(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, an_asset(), an_asset("ETH"), a_flag())
    flagged = rpb.CheckAssetTradeableRequest(asset_id=BTC)
    free = rpb.CheckAssetTradeableRequest(asset_id=ETH)

    async def says(asked: Asked, request: Any) -> tuple[bool, list[str]]:
        answer, _ = await asked.answer(asked.registry.CheckAssetTradeable, request)
        return answer.tradeable, [flag.flag_id for flag in answer.blocking_flags]

    for follows in (False, True):
        async with ask(follows=follows) as asked:
            if follows:
                await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
            assert await says(asked, free) == (True, [])
            assert await says(asked, flagged) == (False, [an_id("flag")])
            if follows:
                asked.resolver.view.freshness.doubt("for this test")
                code = await asked.code(asked.registry.CheckAssetTradeable, free)
                assert code is grpc.StatusCode.UNAVAILABLE
                assert await says(asked, flagged) == (False, [an_id("flag")])


async def test_lists_come_from_memory_alone_and_tell_how_current_it_is(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    request = rpb.ListVenuesRequest()
    async with ask(follows=False) as asked:
        code = await asked.code(asked.registry.ListVenues, request)
        assert code is grpc.StatusCode.UNAVAILABLE
    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        answer, told = await asked.answer(asked.registry.ListVenues, request, "1:1")
        assert answer.venues[0].venue_id == "binance"
        assert (told["cqar-state"], told["cqar-revision"], told["cqar-epoch"]) == ("LIVE", "1", "1")
        assert int(told["cqar-staleness-ms"]) > 0
        code = await asked.code(asked.registry.ListVenues, request, "1:2", timeout_s=2)
        assert code is grpc.StatusCode.UNAVAILABLE
        asked.resolver.view.freshness.doubt("for this test")
        _, told = await asked.answer(asked.registry.ListVenues, request)
        assert told["cqar-state"] == "STALE"


# ---------------------------------------------------------------- min revision


async def test_what_memory_does_not_reach_in_time_postgres_answers(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        asset_id = an_id("new")
        await commit(mutations, an_asset(asset_id=asset_id))  # nobody publishes it
        request = rpb.GetAssetRequest(asset_id=asset_id)
        assert await asked.code(asked.registry.GetAsset, request) is grpc.StatusCode.NOT_FOUND
        answer, told = await asked.answer(asked.registry.GetAsset, request, "1:2")
        assert answer.asset.asset_id == asset_id
        assert told["cqar-revision"] == "2"
        # Further than the registry is: an error in time, never the past.
        code = await asked.code(asked.registry.GetAsset, request, "1:3")
        assert code is grpc.StatusCode.UNAVAILABLE
        asked.database.go_down()
        code = await asked.code(asked.registry.GetAsset, request, "1:2")
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_an_epoch_that_has_ended_is_refused_below_memory_too(
    ask: Ask, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    assert await mutations.bump_epoch(1, 1, 1)
    async with ask(follows=False) as asked:
        request = rpb.GetVenueRequest(venue_id="binance")
        code = await asked.code(asked.registry.GetVenue, request, "1:1")
        assert code is grpc.StatusCode.ABORTED


async def test_a_writers_answer_is_never_older_at_a_resolver_that_is_told_its_revision(
    ask: Ask, servers: EmbeddedServers, database: str
) -> None:
    settings = WriterConfig(database_url=database, nats_url=servers.nats, redis_url=servers.redis)
    async with writing(settings) as writer, ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        for number in range(50):
            revision = await commit(writer.mutations, a_venue(f"v{number}"))
            request = rpb.GetVenueRequest(venue_id=f"v{number}")
            await asked.answer(asked.registry.GetVenue, request, f"1:{revision}")


# ---------------------------------------------------------------- verdicts of a stale snapshot


@pytest.mark.parametrize(
    ("policy", "reasons", "code"),
    [
        ("deny", ["STALE_SNAPSHOT"], grpc.StatusCode.OK),
        ("allow", [], grpc.StatusCode.OK),
        ("error", ["STALE_SNAPSHOT"], grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_stale_snapshots_verdicts_are_as_the_policy_says(
    policy: StaleVerdict,
    reasons: list[str],
    code: grpc.StatusCode,
    servers: EmbeddedServers,
    database: str,
    client: Client,
    mutations: Mutations,
) -> None:
    assert client.is_connected
    await commit(mutations, *one_of_each())
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, stale_after_s=2, stale_verdict=policy
    )
    async with serving(config, follows=True) as (resolver, channel):
        stale = pb.SNAPSHOT_STATE_STALE
        await eventually(lambda: resolver.view.state == stale, WAIT_S)
        own: Any = ResolverStub(channel)
        found = (await own.Resolve(question())).resolution
        assert found.symbol.symbol == "BTC/USDT"
        assert set(reasons) == {"STALE_SNAPSHOT"} & {
            reason.code for reason in found.tradeable.open.reasons
        }
        assert "STALE_SNAPSHOT" not in {reason.code for reason in found.tradeable.reduce.reasons}
        order = pb.CheckOrderRequest(**SPELLING, quantity="1")
        call = own.CheckOrder(order)
        assert await call.code() is code
