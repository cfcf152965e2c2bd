"""What an import reads of the registry, through the writer's gRPC server."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.connection import Connection
from cqar.importer.registry_products import Products
from cqar.importer.registry_state import RegistryState, load_state
from cqar_shared.domain.evaluation import Batch, Result
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_writer.archiver import Archiver
from cqar_writer.mutations import Mutations
from tests.support.commits import CAUSE, commit, removal, upsert
from tests.support.entity_builders import (
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
)
from tests.support.memory_registry_view import changed
from tests.support.writer_server import serving

DAY = dt.timedelta(days=1)


async def state_of(
    engine: AsyncEngine, now: dt.datetime, spellings: Iterable[str] = ()
) -> RegistryState:
    async with serving(engine, NOW) as client:
        with Connection(client.address, client.keys[Role.READ]) as connection:
            return await asyncio.to_thread(
                load_state, connection, a_venue(), now, spellings=spellings
            )


async def test_a_relisted_asset_that_names_a_deployment_is_opened_again(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    gone = a_venue_asset(
        asset_id=USDT,
        deployment_id=a_deployment().deployment_id,
        listed_at=NOW - 2 * DAY,
        delisted_at=NOW - DAY,
    )
    await commit(mutations, an_asset("USDT"), a_chain(), a_venue(), a_deployment(), gone)
    state = await state_of(engine, NOW)
    opened = changed(gone, listed_at=NOW, delisted_at=None)
    (outcome,) = Batch([upsert(opened)]).judge(state)
    assert (outcome.violations, outcome.result) == ((), Result.UPDATED)


async def test_of_spellings_that_are_archived_it_knows_when_they_meant_something(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    begin, end = NOW - 90 * DAY, NOW - 60 * DAY
    market = (an_asset(), an_asset("USDT"), a_venue(), a_symbol())
    await commit(mutations, *market, a_venue_symbol(listed_at=begin, delisted_at=end))
    assert await Archiver(engine, mutations, DAY).step() == 1
    asked = ("BTCUSDT", "NONE")
    of_its_time = await state_of(engine, begin + DAY, asked)
    assert of_its_time.archived == {"BTCUSDT"}
    assert not list(of_its_time.all(VENUE_SYMBOL))
    now = await state_of(engine, NOW, asked)
    (known,) = now.all(VENUE_SYMBOL)
    assert (now.archived, known.delisted_at) == (set(), end)


async def test_products_of_earlier_rounds_follow_what_others_changed_by_the_log(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, an_asset(), an_asset("USDT"), a_venue(), a_symbol())
    async with serving(engine, NOW) as client:
        with Connection(client.address, client.keys[Role.READ]) as connection:
            products = Products()
            await asyncio.to_thread(products.sync, connection)
            await commit(mutations, changed(an_asset(), name="Bitcoin, renamed"), an_asset("ETH"))
            await commit(mutations, a_venue("okx"))
            await mutations.apply([removal("symbol", a_symbol().symbol_id)], CAUSE)
            await asyncio.to_thread(products.sync, connection)
            fresh = Products()
            await asyncio.to_thread(fresh.sync, connection)
    assert (products.loads, products.revision) == (1, fresh.revision)
    assert content(products) == content(fresh)
    assert {k: sorted(v) for k, v in products.found.items()} == {
        k: sorted(v) for k, v in fresh.found.items()
    }


def content(products: Products) -> dict[object, object]:
    return {ref: stored.entity for ref, stored in products.stored.items() if stored is not None}
