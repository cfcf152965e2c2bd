"""Which calls are retried, how often, and that a client recovers with its resolver."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import cqar
from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import ServiceNotReady
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.middleware import Middleware
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import BTC
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import WAIT_S, ready_client, without_age
from tests.support.service_processes import service
from tests.support.tcp_proxy import link_to


class RefusingMiddleware(Middleware):
    """Refuses as not ready, `times` times.

    Attributes:
        calls: The methods called, in order.
    """

    def __init__(self, times: int) -> None:
        self._times = times
        self.calls: list[str] = []

    def unary(self, call: Any, method: str) -> Any:
        name = method.rpartition("/")[2]

        async def away(request: Any, context: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) <= self._times:
                raise ServiceNotReady("loading")
            return await call(request, context)

        return away


@pytest.mark.parametrize(("times", "answers"), [(2, True), (3, False)])
async def test_an_unavailable_call_is_tried_three_times(
    config: ResolverConfig, mutations: Mutations, times: int, answers: bool
) -> None:
    await commit(mutations, *one_of_each())
    middleware = RefusingMiddleware(times)
    async with served(config, ErrorInterceptor(), middleware) as at:
        await eventually(lambda: at.resolver.view.is_complete, WAIT_S)
        async with cqar.AsyncClient(at.target, timeout_s=WAIT_S) as client:
            if answers:
                assert (await client.resolve("binance", "BTCUSDT")).base.asset_id == BTC
            else:
                with pytest.raises(cqar.NotReady, match="loading"):
                    await client.resolve("binance", "BTCUSDT")
        assert middleware.calls == ["Resolve"] * 3


async def test_more_calls_at_once_than_a_connection_may_have_are_all_answered(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        ready_client(at.target) as client,
    ):
        for _ in range(3):
            calls = [client.resolve("binance", "BTCUSDT", timeout_s=WAIT_S) for _ in range(1_000)]
            found = await asyncio.gather(*calls)
            assert {resolution.base.asset_id for resolution in found} == {BTC}


async def test_a_refused_call_is_sent_once(config: ResolverConfig, mutations: Mutations) -> None:
    await commit(mutations, *one_of_each())
    middleware = RefusingMiddleware(0)
    async with (
        served(config, ErrorInterceptor(), middleware) as at,
        ready_client(at.target) as client,
    ):
        middleware.calls.clear()
        for refused in (("binance", "NONE"), ("Not A Slug", "")):
            with pytest.raises(cqar.CqarError):
                await client.resolve(*refused)
        assert middleware.calls == ["Resolve", "Resolve"]


async def test_a_client_recovers_after_its_resolver_was_killed_and_restarted(
    config: ResolverConfig, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, *one_of_each())
    settings = {"database_url": config.database_url, "nats_url": config.nats_url}
    async with (
        service("resolver", tmp_path, **settings) as running,
        ready_client(running.grpc) as client,
    ):
        before = without_age(await client.resolve("binance", "BTCUSDT"))
        await running.kill()
        with pytest.raises(cqar.NotReady, match=running.grpc):
            await client.resolve("binance", "BTCUSDT")
        await running.start_again()
        await client.wait_ready(2 * WAIT_S)
        assert without_age(await client.resolve("binance", "BTCUSDT")) == before


async def test_calls_of_a_broken_connection_are_answered_by_another_one(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        link_to(f"grpc://{at.target}") as (link, url),
        ready_client(url.removeprefix("grpc://")) as client,
    ):
        link.open.clear()
        calls = [asyncio.ensure_future(client.resolve("binance", "BTCUSDT")) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert not any(call.done() for call in calls)
        link.open.set()
        link.cut()
        answers = await asyncio.gather(*calls)
        assert {answer.base.asset_id for answer in answers} == {BTC}
