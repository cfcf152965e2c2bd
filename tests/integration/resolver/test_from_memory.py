"""What memory alone answers, how far it must have come, and what it may say when it is stale."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as rpb
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig, StaleVerdict
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support.cache_inspection import fill, process
from tests.support.commits import commit, eventually
from tests.support.entity_builders import BTC, ETH, a_flag, a_venue, an_asset, an_id
from tests.support.follower_setup import NEVER_S, writing
from tests.support.integrity_keys import key_file
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import SPELLING, WAIT_S, Ask, Asked, question, serving

HYDRATING, LIVE = pb.SNAPSHOT_STATE_HYDRATING, pb.SNAPSHOT_STATE_LIVE


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
    ask: Ask, client: Client, mutations: Mutations
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
                await client.close()  # and with it who answers probes, which make it LIVE again
                asked.resolver.view.mark_stale("for this test")
            # Nor while it is loading: the PostgreSQL that answers may be a replica, which lags.
            code = await asked.code(asked.registry.CheckAssetTradeable, free)
            assert code is grpc.StatusCode.UNAVAILABLE
            assert await says(asked, flagged) == (False, [an_id("flag")])


async def test_lists_come_from_memory_alone_and_tell_how_current_it_is(
    ask: Ask, client: Client, mutations: Mutations
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
        await client.close()  # and with it who answers probes, which make it LIVE again
        asked.resolver.view.mark_stale("for this test")
        _, told = await asked.answer(asked.registry.ListVenues, request)
        assert told["cqar-state"] == "STALE"


# ---------------------------------------------------------------- min revision


async def test_what_memory_does_not_reach_in_time_postgres_answers(
    ask: Ask, client: Client, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        await client.close()  # and with it who answers probes
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


async def test_below_memory_state_and_verdict_are_those_of_memory_and_of_one_mind(
    ask: Ask, client: Client, mutations: Mutations
) -> None:
    """PostgreSQL is as far as memory or further: what bounds memory's age bounds its age."""
    await commit(mutations, *one_of_each())
    async with ask(follows=True) as asked:
        view = asked.resolver.view
        await eventually(lambda: view.state == LIVE, WAIT_S)
        await client.close()  # and with it who answers probes
        await commit(mutations, a_venue("unpublished"))
        view.freshness.stale_after_s = NEVER_S

        async def says() -> tuple[str, bool]:
            """The state, and whether the verdict counts it as stale."""
            answer, told = await asked.answer(asked.own.Resolve, question(), "1:2")
            assert told["cqar-revision"] == "2"
            reasons = [reason.code for reason in answer.resolution.tradeable.open.reasons]
            return told["cqar-state"], "STALE_SNAPSHOT" in reasons

        assert await says() == ("LIVE", False)
        _, told = await asked.answer(asked.own.Resolve, question(), "1:2")
        assert int(told["cqar-staleness-ms"]) > 500, "it waited for memory that long"
        view.mark_stale("for this test")
        assert await says() == ("STALE", True)
        view.freshness.unconfirm()
        assert await says() == ("LAST_GOOD", True)
        _, told = await asked.answer(asked.own.Resolve, question(), "1:2")
        assert "cqar-staleness-ms" not in told


async def test_redis_is_confirmed_by_nothing_and_says_so_also_where_memory_is_live(
    ask: Ask, client: Client, engine: AsyncEngine, servers: EmbeddedServers, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with process(engine, servers.redis) as writer, ask(follows=True) as asked:
        view = asked.resolver.view
        await eventually(lambda: view.state == LIVE, WAIT_S)
        await client.close()  # and with it who answers probes
        await commit(mutations, a_venue("unpublished"))
        await fill(writer)
        asked.database.go_down()
        view.freshness.stale_after_s = NEVER_S
        request = rpb.GetAssetRequest(asset_id=BTC)
        told: dict[str, str] = {}

        async def answers() -> bool:
            """Redis has 20 ms, which a busy machine may take."""
            with suppress(grpc.aio.AioRpcError):
                told.update((await asked.answer(asked.registry.GetAsset, request, "1:2"))[1])
            return bool(told)

        await eventually(answers, WAIT_S)
        assert (told["cqar-revision"], told["cqar-state"]) == ("2", "STALE")
        assert "cqar-staleness-ms" not in told


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
    settings = WriterConfig(
        database_url=database,
        nats_url=servers.nats,
        redis_url=servers.redis,
        integrity_key_file=key_file(),
    )
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
    heads: None,
) -> None:
    assert client.is_connected
    await commit(mutations, *one_of_each())
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, stale_after_s=2, stale_verdict=policy
    )
    async with serving(config, follows=True) as (resolver, channel):
        stale = pb.SNAPSHOT_STATE_STALE
        await eventually(lambda: resolver.view.state == LIVE, WAIT_S)
        await client.close()  # and with it who answers probes
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
