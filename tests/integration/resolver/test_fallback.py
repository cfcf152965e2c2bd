"""What answers while memory cannot: Redis for one value, PostgreSQL for all else, or nobody."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from typing import Any

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as rpb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.fallback import single_flight, stores
from cqar_shared.runtime.circuit_breaker import FAILURES_MAX
from cqar_writer.mutations import Mutations
from tests.support.cache_inspection import fill, process
from tests.support.call_errors import refusal
from tests.support.commits import commit, eventually
from tests.support.entity_builders import (
    BTC,
    NOW,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.kind_lifecycles import one_of_each
from tests.support.memory_registry_view import changed
from tests.support.resolver_client import SPELLING, WAIT_S, Ask, question

HYDRATING, LIVE = pb.SNAPSHOT_STATE_HYDRATING, pb.SNAPSHOT_STATE_LIVE


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
        # PostgreSQL may be a replica: by itself it bounds nothing, and no verdict is made of it.
        assert not resolution.freshness.HasField("staleness_ms")
        assert "cqar-staleness-ms" not in told
        assert "STALE_SNAPSHOT" in [reason.code for reason in resolution.tradeable.open.reasons]
        assert resolution.tradeable.cancel.allowed
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


@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize("past", [False, True])
async def test_a_batch_that_no_message_holds_is_refused_and_smaller_ones_are_not(
    ask: Ask, mutations: Mutations, *, past: bool, follows: bool
) -> None:
    note = {"note": "x" * 15_000}
    symbol, listing = changed(a_symbol(), metadata=note), a_venue_symbol(metadata=note)
    await commit(mutations, an_asset(), an_asset("USDT"), a_venue(), symbol, listing)
    key = pb.VenueSymbolKey(**SPELLING)

    def batch(keys: int) -> pb.ResolveBatchRequest:
        request = pb.ResolveBatchRequest(keys=[key] * keys)
        if past:
            request.as_of.FromDatetime(NOW)
        return request

    async with ask(follows=follows) as asked:
        if follows:
            await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        for _ in range(2):
            found = await refusal(asked.own.ResolveBatch(batch(2_000), timeout=WAIT_S))
            assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE")
            assert found.text == "the answer to 2000 keys is over 15 MiB: split them"
            answer = await asked.own.ResolveBatch(batch(500), timeout=WAIT_S)
            statuses = {one.status for one in answer.resolutions}
            assert (len(answer.resolutions), statuses) == (500, {pb.RESOLUTION_STATUS_FOUND})


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


async def test_with_nothing_to_ask_it_is_unavailable_within_the_budget(
    ask: Ask, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(mutations, *one_of_each())
    monkeypatch.setattr(single_flight, "BUDGET_S", 0.25)
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
        assert asked.database.asked <= stores.CONNECTIONS_MAX


async def test_ones_own_crowd_is_told_so_and_is_not_taken_for_a_postgres_that_is_down(
    ask: Ask, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(mutations, *one_of_each())
    monkeypatch.setattr(stores, "PATIENCE_S", WAIT_S)
    # Without keys a caller is a connection, which cannot have as many calls at once as a key can.
    monkeypatch.setattr(single_flight, "QUESTIONS_EACH", 32)
    async with ask(follows=False) as asked:
        await asked.answer(asked.own.Resolve, question())
        calls = [asked.own.Resolve(question(f"S{number}")) for number in range(90)]
        codes = await asyncio.gather(*(call.code() for call in calls))
        # PostgreSQL knows none of them; a connection has so many questions at once.
        assert set(codes) == {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert codes.count(grpc.StatusCode.NOT_FOUND) >= single_flight.QUESTIONS_EACH
        monkeypatch.setattr(single_flight, "BUDGET_S", 0.05)
        calls = [asked.own.Resolve(question(f"T{number}")) for number in range(90)]
        codes = await asyncio.gather(*(call.code() for call in calls))
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
        monkeypatch.setattr(single_flight, "BUDGET_S", WAIT_S)
        found, _ = await asked.answer(asked.own.Resolve, question())
        assert found.resolution.symbol.symbol == "BTC/USDT"


async def test_a_budget_that_ran_out_on_a_long_question_opens_no_breaker(
    ask: Ask, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL tells where it is, and then has more to do than there is time for."""
    await commit(mutations, *one_of_each())
    monkeypatch.setattr(stores, "PATIENCE_S", 0.0)
    loaded = stores._load

    async def slow(tx: Any, wanted: Any) -> Any:
        await tx.exec_driver_sql("SELECT pg_sleep(0.3)")
        return await loaded(tx, wanted)

    async with ask(follows=False) as asked:
        await asked.answer(asked.own.Resolve, question())
        monkeypatch.setattr(stores, "_load", slow)
        monkeypatch.setattr(single_flight, "BUDGET_S", 0.2)
        for number in range(FAILURES_MAX + 1):
            found = await refusal(asked.own.Resolve(question(f"S{number}"), timeout=WAIT_S))
            assert found.code is grpc.StatusCode.UNAVAILABLE
            assert "within" in found.text or "answers in" in found.text
        assert not asked.resolver.fallback.breaker.is_open
        monkeypatch.setattr(stores, "_load", loaded)
        monkeypatch.setattr(single_flight, "BUDGET_S", WAIT_S)
        await asked.answer(asked.own.Resolve, question())


async def test_one_callers_batches_of_another_time_leave_everybody_else_his_turn(
    ask: Ask, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_flight, "BEYOND_MEMORY_S", WAIT_S)
    await commit(mutations, *one_of_each())
    keys = [pb.VenueSymbolKey(**SPELLING)] * 500

    def batch(number: int) -> pb.ResolveBatchRequest:
        request = pb.ResolveBatchRequest(keys=keys)
        request.as_of.FromDatetime(NOW + dt.timedelta(seconds=number))
        return request

    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == LIVE, WAIT_S)
        goes_on = True
        told: Counter[grpc.StatusCode] = Counter()
        codes: set[grpc.StatusCode] = set()

        async def flood(lane: int) -> None:
            number = lane
            while goes_on:
                number += 100
                call = asked.own.ResolveBatch(batch(-number), timeout=WAIT_S)
                told[await call.code()] += 1

        options = [("grpc.use_local_subchannel_pool", 1)]
        async with (
            grpc.aio.insecure_channel(asked.target, options=options) as channel,
            asyncio.TaskGroup() as group,
        ):
            for lane in range(20):
                group.create_task(flood(lane))
            own: Any = ResolverStub(channel)
            for number in range(20):
                one = question()
                one.as_of.FromDatetime(NOW - dt.timedelta(seconds=number + 1))
                codes.add(await own.Resolve(one, timeout=WAIT_S).code())
            goes_on = False
        # Not listed then: PostgreSQL said so.
        assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND}
        assert set(told) <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert told[grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert not asked.resolver.fallback.breaker.is_open
