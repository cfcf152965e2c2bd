"""No answer is older than one before it, whoever gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import cqar
from cqar.sdk.async_api import AsyncApi
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_writer.mutations.pipeline import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_symbol, a_venue_symbol, an_id
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import WAIT_S, ready_client
from tests.support.tcp_proxy import link_to


@asynccontextmanager
async def one_lags(config: ResolverConfig, mutations: Mutations) -> AsyncIterator[tuple[str, int]]:
    """Two resolvers behind one target, of which one hears of nothing; and the newest revision."""
    await commit(mutations, *one_of_each())
    async with link_to(config.nats_url) as (link, url):
        deaf = ResolverConfig(
            database_url=config.database_url, nats_url=url, probe_every_s=0.1, stale_after_s=3600
        )
        async with served(config) as ahead, served(deaf) as behind:
            for at in (ahead, behind):
                view = at.resolver.view
                await eventually(lambda view=view: view.is_complete and view.lag == 0, WAIT_S)
            link.open.clear()
            halted = a_venue_symbol(listing_id=an_id("listing"), status=MarketStatusCode.HALTED)
            revision = await commit(mutations, halted)
            view = ahead.resolver.view
            await eventually(lambda: view.snapshot.position.revision == revision, WAIT_S)
            yield f"ipv4:{ahead.target},{behind.target}", revision


async def revisions(asked: AsyncApi, times: int) -> list[int]:
    return [(await asked.resolve("binance", "BTCUSDT")).freshness.revision for _ in range(times)]


async def test_a_client_of_two_resolvers_never_goes_back(
    config: ResolverConfig, mutations: Mutations
) -> None:
    async with one_lags(config, mutations) as (target, newest):
        found: list[int] = []

        async def reaches_it() -> bool:
            found.extend(await revisions(asked, 8))
            assert found == sorted(found)
            return found[-1] == newest

        async def goes_back() -> bool:
            told = await revisions(asked, 8)
            return told != sorted(told)

        # Which of the two is connected to first, nobody knows.
        async with cqar.AsyncClient(target, timeout_s=2.0) as asked:
            await eventually(reaches_it, WAIT_S)
        # Else nothing would have been proved: who does not ask for it is told the past.
        async with cqar.AsyncClient(target, timeout_s=2.0, min_revision="told") as asked:
            await eventually(goes_back, WAIT_S)
            asked.carry(cqar.Position(1, newest))
            assert set(await revisions(asked, 4)) == {newest}


async def test_whoever_wrote_finds_it_at_a_resolver_that_has_not_heard_of_it(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, ready_client(at.target) as asked:
        for number in range(20):
            written = a_venue_symbol(venue_symbol=f"S{number}", listing_id=an_id(f"l{number}"))
            asked.carry(cqar.Position(1, await commit(mutations, written)))
            found = await asked.resolve("binance", f"S{number}")
            assert found.symbol.symbol_id == a_symbol().symbol_id
            assert asked.position == (1, found.freshness.revision)


@pytest.mark.parametrize("replicated", [False, True], ids=["client", "replica"])
async def test_of_a_new_epoch_a_caller_is_told_once_and_then_answered(
    config: ResolverConfig, mutations: Mutations, replicated: bool
) -> None:
    await commit(mutations, *one_of_each())
    here = (config.database_url, config.nats_url)
    async with served(config) as at:
        asking_it: Any = ready_client(at.target)
        if replicated:
            asking_it = cqar.Replica(*here, timeout_s=WAIT_S, probe_every_s=0.1)
        async with asking_it as asked:
            await asked.wait_ready(WAIT_S)
            assert (await asked.resolve("binance", "BTCUSDT")).freshness.epoch == 1
            assert await mutations.bump_epoch(1, 1, 1)
            refused: list[cqar.EpochChanged] = []

            async def in_the_new_epoch() -> bool:
                try:
                    found = await asked.resolve("binance", "BTCUSDT")
                except cqar.EpochChanged as error:
                    refused.append(error)
                    return False
                return bool(found.freshness.epoch == 2)

            await eventually(in_the_new_epoch, WAIT_S)
            assert [error.reason for error in refused] == ["EPOCH_CHANGED"]
            assert asked.position is not None
            assert asked.position.epoch == 2
