"""A replica alone: while it loads, without a registry, and while much changes at once."""

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
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import BTC, USDT, a_venue_symbol, an_id
from tests.support.integrity_keys import key_file
from tests.support.kind_lifecycles import one_of_each
from tests.support.sdk_setup import WAIT_S

DATABASE, NATS = "postgresql://h/db", "nats://h"


@pytest.mark.parametrize(
    ("database", "nats", "settings", "error"),
    [
        (DATABASE, NATS, {"stale_after_s": 0.1}, "stale_after_s"),
        (DATABASE, NATS, {"min_revision": "always"}, "'seen' or 'told'"),
        (DATABASE, NATS, {"redis_url": "redis://h"}, "integrity_key_file is not"),
        (DATABASE, NATS, {"last_good_file": "/f"}, "integrity_key_file is not"),
        ("garbage", NATS, {}, "must be a URL of"),
        ("mysql://h/db", NATS, {}, "must be a URL of"),
        ("postgresql://h:port/db", NATS, {}, "must be a URL of"),
        (DATABASE, "http://h", {}, "must be a URL of"),
    ],
)
def test_a_replica_refuses_invalid_settings(
    database: str, nats: str, settings: dict[str, Any], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        cqar.Replica(database, nats, **settings)


async def test_a_replica_answers_from_postgres_until_it_is_loaded(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    replica = cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S)
    async with replica as opened:
        found = await opened.resolve("binance", "BTCUSDT")
        assert found.freshness.state is cqar.State.HYDRATING
        assert found.base.asset_id == BTC
        await opened.wait_ready(WAIT_S)
        found = await opened.resolve("binance", "BTCUSDT")
        assert found.freshness.state is not cqar.State.HYDRATING

        async def is_live() -> bool:
            found = await opened.resolve("binance", "BTCUSDT")
            return found.freshness.state is cqar.State.LIVE

        await eventually(is_live, WAIT_S)


async def test_a_replica_without_a_registry_says_why_it_is_not_ready(
    servers: EmbeddedServers,
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"

    def wait() -> None:
        with cqar.Replica(nowhere, servers.nats, timeout_s=1.0) as opened:
            with pytest.raises(cqar.NotReady):
                opened.resolve("binance", "BTCUSDT")
            with pytest.raises(cqar.TimedOut, match="the first snapshot is loading"):
                opened.wait_ready(0.5)

    await asyncio.to_thread(wait)


async def test_a_replica_starts_from_its_own_file_without_a_registry(
    config: ResolverConfig, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, *one_of_each())
    file = str(tmp_path / "last_good")
    here = (config.database_url, config.nats_url)
    async with cqar.Replica(*here, last_good_file=file, integrity_key_file=key_file()) as opened:
        await opened.wait_ready(WAIT_S)
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

    def read(opened: SyncApi) -> set[tuple[str, ...]]:
        seen: set[tuple[str, ...]] = set()
        while not stop:
            found = opened.resolve_batch([("binance", s) for s in spellings], timeout_s=WAIT_S)
            seen.add(tuple({f.market_status for f in found if isinstance(f, cqar.Resolution)}))
        return seen

    def replicate(reading: Callable[[SyncApi], Any]) -> Any:
        with cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S) as opened:
            opened.wait_ready(WAIT_S)
            return reading(opened)

    threads = asyncio.gather(*(asyncio.to_thread(replicate, read) for _ in range(2)))
    for number in range(6):
        status = MarketStatusCode.HALTED if number % 2 else MarketStatusCode.POST_ONLY
        await commit(mutations, *listings(status))
        await asyncio.sleep(0.3)
    stop = True
    for seen in await threads:
        assert all(len(statuses) == 1 for statuses in seen)
        assert {("HALTED",), ("POST_ONLY",)} <= seen
