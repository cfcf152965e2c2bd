"""A replica alone: while it loads, where nothing is, and while much changes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cqar
from cqar.embedded.servers import EmbeddedServers
from cqar.sdk.sync_api import SyncApi
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_writer.mutations.pipeline import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import BTC, USDT, a_venue_symbol, an_id
from tests.support.integrity_keys import key_file
from tests.support.kind_lifecycles import one_of_each
from tests.support.sdk_setup import WAIT_S


def test_a_replica_refuses_settings_that_no_resolver_takes() -> None:
    with pytest.raises(ValueError, match="stale_after_s"):
        cqar.Replica("postgresql://h/db", "nats://h", stale_after_s=0.1)
    with pytest.raises(ValueError, match="'seen' or 'told'"):
        cqar.Replica("postgresql://h/db", "nats://h", min_revision="always")  # type: ignore[arg-type]
    for stored in ({"redis_url": "redis://h"}, {"last_good_file": "/f"}):
        with pytest.raises(ValueError, match="integrity_key_file is not"):
            cqar.Replica("postgresql://h/db", "nats://h", **stored)


@pytest.mark.parametrize(
    ("database", "nats"),
    [
        ("garbage", "nats://h"),
        ("mysql://h/db", "nats://h"),
        ("postgresql://h:port/db", "nats://h"),
        ("postgresql://h/db", "http://h"),
    ],
)
def test_a_replica_refuses_an_address_that_is_none(database: str, nats: str) -> None:
    with pytest.raises(ValueError, match="must be a URL of"):
        cqar.Replica(database, nats)


async def test_what_is_closed_says_so(config: ResolverConfig) -> None:
    here = (config.database_url, config.nats_url)

    def ask_closed() -> None:
        client = cqar.Client("127.0.0.1:1")
        client.close()
        with cqar.Replica(*here) as replica:
            pass
        for closed in (client, replica):
            with pytest.raises(cqar.CqarError, match="it is closed"):
                closed.resolve("binance", "BTCUSDT")
            with pytest.raises(cqar.CqarError, match="it is closed"):
                closed.status()

    await asyncio.to_thread(ask_closed)
    client = cqar.AsyncClient("127.0.0.1:1")
    await client.close()
    async with cqar.Replica(*here) as replica:
        pass
    for closed in (client, replica):
        with pytest.raises(cqar.CqarError, match="it is closed"):
            await closed.resolve("binance", "BTCUSDT")


async def test_a_replica_answers_from_postgres_until_it_is_loaded(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    replica = cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S)
    async with replica as asked:
        found = await asked.resolve("binance", "BTCUSDT")
        assert found.freshness.state is cqar.State.HYDRATING
        assert found.base.asset_id == BTC
        await asked.wait_ready(WAIT_S)
        found = await asked.resolve("binance", "BTCUSDT")
        assert found.freshness.state is not cqar.State.HYDRATING

        async def is_live() -> bool:
            found = await asked.resolve("binance", "BTCUSDT")
            return found.freshness.state is cqar.State.LIVE

        await eventually(is_live, WAIT_S)


async def test_a_replica_of_nowhere_says_why_it_is_not_ready(servers: EmbeddedServers) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"

    def wait() -> None:
        with cqar.Replica(nowhere, servers.nats, timeout_s=1.0) as asked:
            with pytest.raises(cqar.NotReady):
                asked.resolve("binance", "BTCUSDT")
            with pytest.raises(cqar.TimedOut, match="the first snapshot is loading"):
                asked.wait_ready(0.5)

    await asyncio.to_thread(wait)


async def test_a_replica_starts_from_its_own_file_where_nothing_else_is(
    config: ResolverConfig, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, *one_of_each())
    file = str(tmp_path / "last_good")
    here = (config.database_url, config.nats_url)
    async with cqar.Replica(*here, last_good_file=file, integrity_key_file=key_file()) as asked:
        await asked.wait_ready(WAIT_S)
        other = cqar.Replica(*here, last_good_file=file, integrity_key_file=key_file())
        with pytest.raises(cqar.CqarError, match="another resolver keeps its state here"):
            await other.__aenter__()

    def wait() -> cqar.Resolution:
        nowhere = ("postgresql://nobody@127.0.0.1:1/none", "nats://127.0.0.1:1")
        with cqar.Replica(*nowhere, last_good_file=file, integrity_key_file=key_file()) as alone:
            alone.wait_ready(WAIT_S)
            return alone.resolve("binance", "BTCUSDT")

    found = await asyncio.to_thread(wait)
    assert (found.base.asset_id, found.quote.asset_id) == (BTC, USDT)
    assert found.freshness.state is cqar.State.LAST_GOOD
    assert "STALE_SNAPSHOT" in [reason.code for reason in found.tradeable.reasons]


async def test_no_answer_of_a_replica_shows_half_of_a_change_set(
    config: ResolverConfig, mutations: Mutations
) -> None:
    """200 listings change their status together, again and again, while threads read them all."""
    await commit(mutations, *one_of_each())
    spellings = [f"S{number}" for number in range(200)]

    def listings(status: MarketStatusCode) -> list[Any]:
        return [
            a_venue_symbol(venue_symbol=s, listing_id=an_id(s), status=status) for s in spellings
        ]

    await commit(mutations, *listings(MarketStatusCode.ONLINE))
    stop = False

    def read(asked: SyncApi) -> set[tuple[str, ...]]:
        seen: set[tuple[str, ...]] = set()
        while not stop:
            found = asked.resolve_batch([("binance", s) for s in spellings], timeout_s=WAIT_S)
            seen.add(tuple({f.market_status for f in found if isinstance(f, cqar.Resolution)}))
        return seen

    def replicate(reading: Callable[[SyncApi], Any]) -> Any:
        with cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S) as asked:
            asked.wait_ready(WAIT_S)
            return reading(asked)

    threads = asyncio.gather(*(asyncio.to_thread(replicate, read) for _ in range(2)))
    for number in range(6):
        status = MarketStatusCode.HALTED if number % 2 else MarketStatusCode.POST_ONLY
        await commit(mutations, *listings(status))
        await asyncio.sleep(0.3)
    stop = True
    for seen in await threads:
        assert all(len(statuses) == 1 for statuses in seen)
        assert {("HALTED",), ("POST_ONLY",)} <= seen
