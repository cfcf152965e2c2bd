"""No answer is older than one before it, whichever resolver gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import cqar
from cqar.sdk.async_api import AsyncApi
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_symbol, a_venue_symbol, an_id
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import FORMS, WAIT_S, ready_client, surface
from tests.support.tcp_proxy import link_to


@asynccontextmanager
async def one_resolver_lags(
    config: ResolverConfig, mutations: Mutations
) -> AsyncIterator[tuple[str, int]]:
    """Two resolvers behind one target, one of them cut off; and the newest revision."""
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


async def revisions(client: AsyncApi, times: int) -> list[int]:
    return [(await client.resolve("binance", "BTCUSDT")).freshness.revision for _ in range(times)]


async def test_a_client_of_two_resolvers_never_goes_back(
    config: ResolverConfig, mutations: Mutations
) -> None:
    async with one_resolver_lags(config, mutations) as (target, newest):
        found: list[int] = []

        async def reaches_it() -> bool:
            found.extend(await revisions(client, 8))
            assert found == sorted(found)
            return found[-1] == newest

        async def goes_back() -> bool:
            revised = await revisions(client, 8)
            return revised != sorted(revised)

        # Either resolver may be connected first.
        async with cqar.AsyncClient(target, timeout_s=2.0) as client:
            await eventually(reaches_it, WAIT_S)
        # Control: a client that does not require its position does go back.
        async with cqar.AsyncClient(target, timeout_s=2.0, min_revision="told") as client:
            await eventually(goes_back, WAIT_S)
            client.carry(cqar.Position(1, newest))
            assert set(await revisions(client, 4)) == {newest}


async def test_a_carried_position_is_read_at_a_resolver_that_lags(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, ready_client(at.target) as client:
        for number in range(20):
            written = a_venue_symbol(venue_symbol=f"S{number}", listing_id=an_id(f"l{number}"))
            client.carry(cqar.Position(1, await commit(mutations, written)))
            found = await client.resolve("binance", f"S{number}")
            assert found.symbol.symbol_id == a_symbol().symbol_id
            assert client.position == (1, found.freshness.revision)


@pytest.mark.parametrize("form", FORMS)
async def test_a_new_epoch_is_reported_once_and_then_answered(
    config: ResolverConfig, mutations: Mutations, form: str
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, surface(form, config, at.target) as opened:
        assert (await opened.call("resolve", "binance", "BTCUSDT")).freshness.epoch == 1
        assert await mutations.bump_epoch(1, 1, 1)
        refused: list[cqar.EpochChanged] = []

        async def in_the_new_epoch() -> bool:
            try:
                resolution = await opened.call("resolve", "binance", "BTCUSDT")
            except cqar.EpochChanged as error:
                refused.append(error)
                return False
            return bool(resolution.freshness.epoch == 2)

        await eventually(in_the_new_epoch, WAIT_S)
        assert [error.reason for error in refused] == ["EPOCH_CHANGED"]
        assert opened.api.position.epoch == 2
