"""What somebody altered in a table is never answered: whoever asks is told that it was altered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable
from typing import Any, Final

import grpc
import pytest
import sqlalchemy as sa
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.venue_symbol import delist
from cqar_shared.errors import DataLoss
from cqar_writer.archiver import Archiver
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import (
    ETH,
    NOW,
    a_flag,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.resolver_client import Ask, question
from tests.support.writer_server import Client, serving

pb: Any = asset_registry_pb2
LONG_AGO: Final = NOW - dt.timedelta(days=90)
LISTED: Final = {"listed_at": LONG_AGO - dt.timedelta(days=1)}
BTCUSDT: Final = a_venue_symbol(listing_id=an_id("btcusdt"), **LISTED)
ETHUSDT: Final = a_venue_symbol(
    listing_id=an_id("ethusdt"), venue_symbol="ETHUSDT", symbol_id=an_id("eth-usdt"), **LISTED
)
OTHER: Final = ETHUSDT.listing_id
SWAPPED: Final = """
    UPDATE venue_symbols SET venue_symbol = CASE venue_symbol
        WHEN 'BTCUSDT' THEN 'ETHUSDT' ELSE 'BTCUSDT' END
"""
#: What is altered, and a question that would be answered by it.
ALTERED: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    SWAPPED: ("GetVenueSymbol", {"venue_id": "binance", "venue_symbol": "BTCUSDT"}),
    "UPDATE venues SET venue_type = 3": ("ListVenues", {"venue_type": 3}),
    "UPDATE assets SET symbol = 'XYZ' WHERE symbol = 'ETH'": ("SearchAssets", {"query": "XYZ"}),
    "UPDATE assets SET category = 'x' WHERE symbol = 'ETH'": (
        "SearchAssets",
        {"query": "ETH", "category": "x"},
    ),
    "UPDATE asset_identifiers SET external_id = 'zzzz'": ("SearchAssets", {"query": "zzzz"}),
    "UPDATE quality_flags SET severity = 1": (
        "SearchAssets",
        {"query": "BTC", "max_flag_severity": 2},
    ),
    "UPDATE current SET payload = (SELECT payload FROM current WHERE kind = 'venue'"
    " AND key = 'kraken') WHERE kind = 'venue' AND key = 'binance'": (
        "GetVenue",
        {"venue_id": "binance"},
    ),
}


@pytest.fixture
async def written(mutations: Mutations) -> None:
    other = a_symbol(symbol_id=an_id("eth-usdt"), base_asset_id=ETH)
    assets = [an_asset(ticker) for ticker in ("BTC", "ETH", "USDT", "USD")]
    venues = (a_venue(), a_venue("kraken"))
    await commit(mutations, *assets, *venues, a_symbol(), other, BTCUSDT, ETHUSDT)
    await commit(mutations, a_flag(), an_identifier())


async def altered(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as tx:
        assert (await tx.execute(sa.text(statement))).rowcount > 0


async def require_lost(call: Awaitable[Any]) -> None:
    found = await refusal(call)
    assert (found.code, found.reason) == (grpc.StatusCode.DATA_LOSS, "DATA_LOSS")


async def ask_writer(writer: Client, rpc: str, request: dict[str, Any]) -> Any:
    method = getattr(writer.registry, rpc)
    return await writer.call(method, getattr(pb, f"{rpc}Request")(**request))


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("statement", ALTERED)
async def test_the_writer_answers_nothing_by_an_altered_row(
    statement: str, engine: AsyncEngine
) -> None:
    async with serving(engine, NOW) as writer:
        await altered(engine, statement)
        await require_lost(ask_writer(writer, *ALTERED[statement]))


@pytest.mark.usefixtures("written")
async def test_a_resolver_below_memory_answers_nothing_by_an_altered_row(
    engine: AsyncEngine, ask: Ask
) -> None:
    await altered(engine, SWAPPED)
    async with ask(follows=False) as asked:
        await require_lost(asked.own.Resolve(question("BTCUSDT"), timeout=10))


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE listing_terms SET since = since - interval '1 day'",
        f"UPDATE listing_terms t SET payload = c.payload FROM current c WHERE c.key = '{OTHER}'",
    ],
)
async def test_terms_that_are_anothers_or_of_another_instant_are_not_told(
    statement: str, engine: AsyncEngine, ask: Ask
) -> None:
    later = Mutations(engine, lambda: NOW + dt.timedelta(hours=1))
    await commit(later, a_venue_symbol(listing_id=an_id("btcusdt"), is_primary=False, **LISTED))
    await altered(engine, statement)
    as_of = Timestamp()
    as_of.FromDatetime(NOW + dt.timedelta(minutes=1))
    request = resolver_pb2.ResolveRequest(venue_id="binance", venue_symbol="BTCUSDT", as_of=as_of)
    async with ask(follows=False) as asked:
        await require_lost(asked.own.Resolve(request, timeout=10))


@pytest.mark.usefixtures("written")
async def test_nothing_is_removed_by_what_an_altered_row_says_of_its_referrers(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, an_asset("DOGE"))
    doge, other = an_id("doge"), an_id("eth-usdt")
    await altered(
        engine, f"UPDATE symbols SET base_asset_id = '{doge}' WHERE symbol_id = '{other}'"
    )
    removal = Item(kind=ASSET, intent=ChangeIntent.REMOVE, key=doge)
    with pytest.raises(DataLoss):
        await mutations.change(removal, CAUSE)


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE venue_symbols SET delisted_at = '{LONG_AGO}'",
        f"UPDATE symbols SET expiry = '{LONG_AGO}'",
    ],
)
async def test_nothing_is_archived_that_only_an_altered_row_says_is_over(
    statement: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    archiving = Archiver(engine, mutations, dt.timedelta(days=30))
    assert await archiving.step() == 0
    await altered(engine, statement)
    with pytest.raises(DataLoss):
        await archiving.step()


@pytest.mark.usefixtures("written")
async def test_what_was_not_altered_is_found_listed_searched_and_archived(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    async with serving(engine, NOW) as writer:
        for rpc, request in ALTERED.values():
            await ask_writer(writer, rpc, request)
    ended = [upsert(delist(ETHUSDT, LONG_AGO))]
    assert (await mutations.apply(ended, CAUSE, historical=True)).committed
    # As the migration left the listings that were there before it.
    await altered(engine, "UPDATE venue_symbols SET terms_since = now()")
    assert await Archiver(engine, mutations, dt.timedelta(days=30)).step() == 1
