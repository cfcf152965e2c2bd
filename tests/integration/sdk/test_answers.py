"""Clients and replicas of both forms give equal answers and equal errors."""

from __future__ import annotations

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import cqar
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from cqar_writer.mutations import Mutations
from tests.support.commits import commit
from tests.support.entity_builders import (
    BTC,
    ETH,
    a_group,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import FORMS, ready_client, surface, without_age
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
        ("convert", ((BTC, "2"), BTC, FUTURE), {}),
        ("convert", ((BTC, "2"), ETH, FUTURE), {}),
        ("asset", (), {"source": "CAIP19", "external_id": "eip155:1/slip44:60"}),
        ("asset", (), {"source": "CAIP19", "external_id": "eip155:5/slip44:60"}),
        ("symbol", (symbol_id,), {}),
        ("symbol", (), {"source": "MESSARI", "external_id": "btc-usdt"}),
        ("symbol", (), {"source": "FIGI", "external_id": "BBG000BLNQ17"}),
        ("symbol", (), {"source": "ISIN", "external_id": "XTV15WLZJMF0"}),
        ("group", ("all-eth",), {}),
        ("group", (), {"group_id": a_group().group_id}),
        ("group", ("nobody",), {}),
        ("check_order", ("binance", "BTCUSDT"), {"price": "1.2345", "quantity": 3, "side": "buy"}),
        ("check_order", ("binance", "BTCUSDT"), {"quantity": "0.000001", "intent": "reduce"}),
        ("check_order", ("binance", "BTCUSDT"), {"price": "1", "quantity": "1"}),
        (
            *("check_order", ("binance", "BTCUSDT")),
            {"quantity": 3, "kind": "market", "reference_price": "64000"},
        ),
        ("check_order", ("binance", "BTCUSDT"), {"quantity": 3, "kind": "limit"}),
        ("venue", ("binance",), {}),
        ("venue", ("nowhere",), {}),
        ("venue", ("Not A Slug",), {}),
    ]


async def test_every_client_and_replica_gives_equal_answers(
    config: ResolverConfig, mutations: Mutations
) -> None:
    revision = await commit(mutations, *one_of_each(), a_venue("kraken"))
    answers: dict[str, list[object]] = {}
    async with served(config) as at:
        for form in FORMS:
            async with surface(form, config, at.target) as opened:
                opened.api.carry(cqar.Position(1, revision))
                answers[form] = [await opened.outcome(*question) for question in questions()]
    expected = answers["Client"]
    for form in FORMS:
        assert answers[form] == expected, form
    refusals: list[Any] = [answer for answer in expected if isinstance(answer, tuple)]
    assert len(refusals) == 17
    missed, invalid = refusals[:2]
    assert (missed[0], missed[2]) == (cqar.NotFound, "VENUE_SYMBOL_NOT_FOUND")
    assert [violation.field for violation in invalid[3]] == ["venue_id", "venue_symbol"]


@pytest.mark.parametrize("form", ["Client", "AsyncClient", "Replica"])
async def test_a_miss_names_what_the_venue_spells_nearly_so(
    config: ResolverConfig, mutations: Mutations, form: str
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, surface(form, config, at.target) as opened:
        for spelling, near in (("btc-usdt", ("BTCUSDT",)), ("BTC/USDT", ("BTCUSDT",)), ("X", ())):
            with pytest.raises(cqar.NotFound) as missed:
                await opened.call("resolve", "binance", spelling)
            assert missed.value.near == near


async def test_an_order_is_judged_by_its_kind_over_the_wire(
    config: ResolverConfig, mutations: Mutations
) -> None:
    """The terms are Binance's of BTCUSDT; a case of the importer has its answer."""
    terms: dict[str, Any] = {
        "status": MarketStatusCode.ONLINE,
        "order_unit": OrderUnitCode.BASE,
        "market_max_size": Decimal("97.09521512"),
        "min_notional": Decimal(5),
        "max_order_value": Decimal(9_000_000),
        "market_min_notional": Decimal(5),
        "bid_multiplier_up": Decimal(5),
        "order_types": ("LIMIT", "MARKET"),
    }
    listing = a_venue_symbol(listing_id=an_id("one"), **terms)
    assets = (an_asset(), an_asset("USDT"))
    venue = a_venue(environment=EnvironmentCode.TESTNET, region="eu")
    revision = await commit(mutations, *assets, a_symbol(), venue, listing)
    at = {"side": "buy", "reference_price": "116000"}
    orders: list[tuple[dict[str, Any], list[str]]] = [
        ({"kind": "market", "quantity": "500"}, ["QUANTITY_ABOVE_MAXIMUM"]),
        ({"kind": "market", "quantity": "95"}, []),
        ({"kind": "market", "quantity": "0.00004"}, ["NOTIONAL_BELOW_MINIMUM"]),
        ({"price": "116000", "quantity": "95"}, ["NOTIONAL_ABOVE_MAXIMUM"]),
        ({"price": "600000", "quantity": "0.01"}, ["PRICE_OUTSIDE_BAND"]),
    ]
    async with served(config) as server:
        for form in FORMS:
            async with surface(form, config, server.target) as opened:
                opened.api.carry(cqar.Position(1, revision))
                for order, codes in orders:
                    checked = await opened.call("check_order", "binance", "BTCUSDT", **order, **at)
                    assert [reason.code for reason in checked.reasons] == codes, (form, order)
                found = await opened.call("resolve", "binance", "BTCUSDT")
                assert found.specs.order_unit is cqar.OrderUnit.BASE
                assert found.specs.market_max_size == Decimal("97.09521512")
                told = await opened.call("venue", "binance")
                assert (told.environment, told.region) == (cqar.Environment.TESTNET, "eu")


async def test_each_block_of_a_replica_has_a_position_of_its_own(config: ResolverConfig) -> None:
    replica: Any = cqar.Replica(config.database_url, config.nats_url)
    async with replica as one, replica as other:
        one.carry(cqar.Position(1, 7))
        assert (one.position, other.position) == ((1, 7), None)


async def test_unknown_facts_of_a_past_time_are_none_and_there_is_no_verdict(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, ready_client(at.target) as client:
        found = await client.resolve("binance", "BTCUSDT", as_of=PAST)
        assert isinstance(found, cqar.PastResolution)
        assert (found.status, found.symbol.symbol) == (cqar.Status.NOT_YET_LISTED, "BTC/USDT")
        assert (found.market_status, found.specs, found.terms_since) == (None, None, None)
        one, missed = await client.resolve_batch([("binance", "BTCUSDT"), ("no", "no")], as_of=PAST)
        assert without_age(one) == without_age(found)
        assert isinstance(missed, cqar.Miss)
        with pytest.raises(ValueError, match="no time zone"):
            await client.resolve("binance", "BTCUSDT", as_of=PAST.replace(tzinfo=None))


@pytest.mark.parametrize("form", ["Client", "Replica"])
async def test_many_threads_share_one_client_or_replica(
    config: ResolverConfig, mutations: Mutations, form: str
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, surface(form, config, at.target) as opened:
        with ThreadPoolExecutor(8) as pool:
            resolve = partial(opened.api.resolve, "binance")
            found = await asyncio.to_thread(lambda: list(pool.map(resolve, ["BTCUSDT"] * 400)))
    assert {resolution.base.asset_id for resolution in found} == {BTC}


@pytest.mark.parametrize("form", ["AsyncClient", "Client"])
async def test_an_unreachable_target_is_named(
    config: ResolverConfig, tmp_path: Path, form: str
) -> None:
    target = f"unix:{tmp_path}/nobody"
    async with surface(form, config, target, is_ready=False) as opened:
        with pytest.raises(cqar.NotReady, match="try again, or at another"):
            await opened.call("resolve", "binance", "BTCUSDT")
        with pytest.raises(cqar.TimedOut, match="not ready within 0.3 s: unix:"):
            await opened.call("wait_ready", 0.3)


@pytest.mark.parametrize("form", FORMS)
async def test_a_closed_client_or_replica_says_so(config: ResolverConfig, form: str) -> None:
    async with surface(form, config, "127.0.0.1:1", is_ready=False) as opened:
        pass
    for question in (("resolve", "binance", "BTCUSDT"), ("status",)):
        with pytest.raises(cqar.CqarError, match="it is closed"):
            await opened.call(*question)


async def test_a_call_ends_with_its_timeout(config: ResolverConfig) -> None:
    async with (
        link_to(config.database_url) as (link, url),
        served(ResolverConfig(database_url=url, nats_url=config.nats_url), follows=False) as at,
    ):
        link.open.clear()
        async with cqar.AsyncClient(at.target) as client:
            with pytest.raises(cqar.TimedOut):
                await client.resolve("binance", "BTCUSDT", timeout_s=0.3)
