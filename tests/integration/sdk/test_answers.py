"""One interface, one answer: of clients and replicas, waited for or awaited."""

from __future__ import annotations

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cqar
from cqar.sdk.async_api import AsyncApi
from cqar.sdk.sync_api import SyncApi
from cqar_resolver.config import ResolverConfig
from cqar_writer.mutations.pipeline import Mutations
from tests.support.commits import commit
from tests.support.entity_builders import BTC, a_group, a_symbol, a_venue, an_id
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import WAIT_S, ready_client, without_age
from tests.support.tcp_proxy import link_to

PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FUTURE = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
Question = tuple[str, tuple[Any, ...], dict[str, Any]]


def questions() -> list[Question]:
    symbol_id = a_symbol().symbol_id
    return [
        ("resolve", ("binance", "BTCUSDT"), {}),
        ("resolve", ("binance", "NONE"), {}),
        ("resolve", ("Not A Slug", ""), {}),
        ("resolve", ("binance", "\ud800"), {}),
        ("resolve_batch", ([("binance", "BTCUSDT"), ("binance", "\ud800")],), {}),
        ("resolve_batch", ([("binance", "BTCUSDT"), ("binance", "no"), ("", "")],), {}),
        ("resolve", ("binance", "BTCUSDT"), {"as_of": PAST}),
        ("resolve", ("binance", "NONE"), {"as_of": PAST}),
        ("resolve", ("binance", "BTCUSDT"), {"as_of": FUTURE}),
        ("resolve_batch", ([("binance", "BTCUSDT"), ("binance", "no")],), {"as_of": PAST}),
        ("venue_symbols", (symbol_id,), {}),
        ("venue_symbols", (symbol_id, ["kraken"]), {}),
        ("venue_symbols", (an_id("none"),), {}),
        ("venue_symbols", (symbol_id, ["binance", "nowhere"]), {}),
        ("asset", (BTC,), {}),
        ("asset", (), {"venue": "binance", "code": "XBT"}),
        ("asset", (), {"chain": "ethereum", "address": "0x" + "0" * 40}),
        ("asset", (), {"source": "COINGECKO", "external_id": "bitcoin"}),
        ("group", ("all-eth",), {}),
        ("group", (), {"group_id": a_group().group_id}),
        ("group", ("nobody",), {}),
        ("check_order", ("binance", "BTCUSDT"), {"price": "1.2345", "quantity": 3, "side": "buy"}),
        ("check_order", ("binance", "BTCUSDT"), {"quantity": "0.000001", "intent": "reduce"}),
        ("check_order", ("binance", "BTCUSDT"), {"price": "1", "quantity": "1"}),
    ]


def error_fields(error: cqar.CqarError) -> object:
    return type(error), str(error), error.reason, error.violations


async def all_awaited(asked: AsyncApi) -> list[object]:
    found: list[object] = []
    for name, arguments, named in questions():
        try:
            found.append(without_age(await getattr(asked, name)(*arguments, **named)))
        except cqar.CqarError as error:
            found.append(error_fields(error))
    return found


def all_waited(asked: SyncApi) -> list[object]:
    found: list[object] = []
    for name, arguments, named in questions():
        try:
            found.append(without_age(getattr(asked, name)(*arguments, **named)))
        except cqar.CqarError as error:
            found.append(error_fields(error))
    return found


async def test_clients_and_replicas_of_both_forms_give_equal_answers(
    config: ResolverConfig, mutations: Mutations
) -> None:
    revision = await commit(mutations, *one_of_each(), a_venue("kraken"))
    here = (config.database_url, config.nats_url)
    position = cqar.Position(1, revision)

    def wait(asked: SyncApi) -> list[object]:
        with asked as entered:  # type: ignore[attr-defined]
            entered.wait_ready(WAIT_S)
            entered.carry(position)
            return all_waited(entered)

    async with served(config) as at, ready_client(at.target) as asked:
        asked.carry(position)
        expected = await all_awaited(asked)
        assert await asyncio.to_thread(wait, cqar.Client(at.target, timeout_s=WAIT_S)) == expected
        replica: Any = cqar.Replica(*here, timeout_s=WAIT_S, probe_every_s=0.1)
        assert await asyncio.to_thread(wait, replica) == expected
        replica = cqar.Replica(*here, timeout_s=WAIT_S)
        async with replica as in_loop, replica as beside:
            assert beside.position is None
            await in_loop.wait_ready(WAIT_S)
            in_loop.carry(position)
            assert await all_awaited(in_loop) == expected
    refused = [one for one in expected if isinstance(one, tuple)]
    assert len(refused) == 10


async def test_what_is_not_known_of_a_time_is_none_and_nothing_says_what_might_be_traded(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, ready_client(at.target) as asked:
        found = await asked.resolve("binance", "BTCUSDT", as_of=PAST)
        assert isinstance(found, cqar.PastResolution)
        assert (found.status, found.symbol.symbol) == (cqar.Status.NOT_YET_LISTED, "BTC/USDT")
        assert (found.market_status, found.specs, found.terms_since) == (None, None, None)
        one, missed = await asked.resolve_batch([("binance", "BTCUSDT"), ("no", "no")], as_of=PAST)
        assert without_age(one) == without_age(found)
        assert isinstance(missed, cqar.Miss)
        with pytest.raises(ValueError, match="no time zone"):
            await asked.resolve("binance", "BTCUSDT", as_of=PAST.replace(tzinfo=None))


async def test_a_batch_of_any_size_is_answered_in_its_order(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    keys = [("binance", "BTCUSDT" if n % 7 else f"NONE{n}") for n in range(4_321)]
    async with served(config) as at, ready_client(at.target) as asked:
        found = await asked.resolve_batch(keys)
        assert [(one.venue_id, one.venue_symbol) for one in found] == keys
        for n, one in enumerate(found):
            assert isinstance(one, cqar.Resolution if n % 7 else cqar.Miss)
        assert {one.freshness.revision for one in found} == {1}
        assert await asked.resolve_batch([]) == []


async def test_many_threads_share_one_client_and_one_replica(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())

    def share(context: Any) -> set[str]:
        with context as asked, ThreadPoolExecutor(8) as pool:
            asked.wait_ready(WAIT_S)
            found = pool.map(lambda _: asked.resolve("binance", "BTCUSDT"), range(400))
            return {one.base.asset_id for one in found}

    async with served(config) as at:
        client = cqar.Client(at.target, timeout_s=WAIT_S)
        assert await asyncio.to_thread(share, client) == {BTC}
    replica = cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S)
    assert await asyncio.to_thread(share, replica) == {BTC}


async def test_a_miss_and_a_bad_request_say_what_is_wrong(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, ready_client(at.target) as asked:
        with pytest.raises(cqar.NotFound, match="NONE") as missed:
            await asked.resolve("binance", "NONE")
        assert missed.value.reason == "VENUE_SYMBOL_NOT_FOUND"
        with pytest.raises(cqar.InvalidRequest) as invalid:
            await asked.resolve("Not A Slug", "")
        assert [v.field for v in invalid.value.violations] == ["venue_id", "venue_symbol"]


async def test_where_nobody_listens_it_says_so_and_where(tmp_path: Path) -> None:
    target = f"unix:{tmp_path}/nobody"
    async with cqar.AsyncClient(target, timeout_s=WAIT_S) as asked:
        with pytest.raises(cqar.NotReady, match="try again, or at another"):
            await asked.resolve("binance", "BTCUSDT")
        with pytest.raises(cqar.TimedOut, match="not ready within 0.3 s: unix:"):
            await asked.wait_ready(0.3)

    def wait() -> None:
        with cqar.Client(target) as waited, pytest.raises(cqar.NotReady):
            waited.resolve("binance", "BTCUSDT")

    await asyncio.to_thread(wait)


async def test_an_answer_that_does_not_come_ends_with_its_time(config: ResolverConfig) -> None:
    async with (
        link_to(config.database_url) as (link, url),
        served(ResolverConfig(database_url=url, nats_url=config.nats_url), follows=False) as at,
    ):
        link.open.clear()
        async with cqar.AsyncClient(at.target) as asked:
            with pytest.raises(cqar.TimedOut):
                await asked.resolve("binance", "BTCUSDT", timeout_s=0.3)
