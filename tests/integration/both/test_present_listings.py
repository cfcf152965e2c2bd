"""A listing is told as it is now, whichever method of whichever service tells of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cqc.services.v1 import asset_registry_pb2
from cqc.venues.v1 import venue_symbol_pb2

from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_writer.mutations import Mutations
from tests.integration.conftest import Serve
from tests.support.both_services import Served
from tests.support.commits import commit
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset, an_id

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
STATUS = venue_symbol_pb2.MarketStatus
SPELLED = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
ALIAS = {"venue_id": "binance", "venue_symbol": "XBT/USDT"}
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
async def market(mutations: Mutations) -> None:
    await commit(mutations, an_asset(), an_asset("USDT"), a_venue(), a_symbol())


async def got_and_listed(registry: Served, spelling: dict[str, str]) -> Any:
    """What GetVenueSymbol tells; the list tells the same."""
    got = (await registry.call("GetVenueSymbol", **spelling)).venue_symbol
    for options in ({}, {"page_size": 1}):
        asked = {**spelling, "include_delisted": True, **options}
        listed = await registry.call("ListVenueSymbols", **asked)
        assert list(listed.venue_symbols) == [got]
    return got


def said(listing: Any) -> tuple[str, bool]:
    return STATUS.Name(listing.status).removeprefix("MARKET_STATUS_"), listing.is_active


async def test_a_period_whose_end_has_come_is_told_as_ended_by_lists_too(
    serve: Serve, mutations: Mutations
) -> None:
    await commit(mutations, a_venue_symbol(delisted_at=NOW + HOUR))
    async with serve(NOW) as registry:
        assert said(await got_and_listed(registry, SPELLED)) == ("ONLINE", True)
    async with serve(NOW + HOUR) as registry:
        assert said(await got_and_listed(registry, SPELLED)) == ("DELISTED", False)
        still = await registry.call("ListVenueSymbols", **SPELLED)
        assert (list(still.venue_symbols), still.total_count) == ([], 0)


async def test_a_listing_that_is_to_come_is_not_active_in_any_answer(serve: Serve) -> None:
    async with serve(NOW) as registry:
        listed_at = {"seconds": int((NOW + HOUR).timestamp())}
        symbol_id = a_symbol().symbol_id
        asked = {**SPELLED, "symbol_id": symbol_id, "listed_at": listed_at}
        made = (await registry.call("CreateVenueSymbol", **asked)).venue_symbol
        assert said(made) == ("ONLINE", False)
        assert made == await got_and_listed(registry, SPELLED)
        changed = await registry.call(
            "UpdateVenueSymbol", **SPELLED, status=STATUS.Value("MARKET_STATUS_POST_ONLY")
        )
        assert said(changed.venue_symbol) == ("POST_ONLY", False)
        assert changed.venue_symbol == await got_and_listed(registry, SPELLED)
    async with serve(NOW + HOUR) as registry:
        assert said(await got_and_listed(registry, SPELLED)) == ("POST_ONLY", True)


async def test_a_delisting_is_told_when_it_happens_and_not_before(
    serve: Serve, mutations: Mutations
) -> None:
    await commit(mutations, a_venue_symbol())
    async with serve(NOW + HOUR) as registry:
        later = {"seconds": int((NOW + 2 * HOUR).timestamp())}
        told = await registry.call("DelistVenueSymbol", **SPELLED, delisted_at=later)
        assert said(told.venue_symbol) == ("ONLINE", True)
        assert told.venue_symbol == await got_and_listed(registry, SPELLED)
        told = await registry.call("DelistVenueSymbol", **SPELLED)
        assert said(told.venue_symbol) == ("DELISTED", False)
        assert told.venue_symbol == await got_and_listed(registry, SPELLED)


async def test_an_alias_is_told_with_its_primarys_status_by_every_method(
    serve: Serve, mutations: Mutations
) -> None:
    await commit(mutations, a_venue_symbol(status=MarketStatusCode.HALTED))
    async with serve(NOW + HOUR) as registry:
        alias = {**ALIAS, "symbol_id": a_symbol().symbol_id, "alias_of": "BTCUSDT"}
        made = (await registry.call("CreateVenueSymbol", **alias)).venue_symbol
        assert said(made) == ("HALTED", False)
        assert made == await got_and_listed(registry, ALIAS)
        await registry.call("UpdateVenueSymbol", **SPELLED, status=MarketStatusCode.ONLINE)
        assert said(await got_and_listed(registry, ALIAS)) == ("ONLINE", True)
        told = await registry.call("UpdateVenueSymbol", **ALIAS, status=MarketStatusCode.HALTED)
        assert said(told.venue_symbol) == ("ONLINE", True)


async def test_each_of_many_spellings_is_told_by_its_own_terms(
    serve: Serve, mutations: Mutations
) -> None:
    other = a_symbol(base_asset_id=an_id("eth"))
    ether = {"symbol_id": other.symbol_id, "tick_size": None, "lot_size": None}
    bitcoin = {"tick_size": None, "lot_size": None}
    await commit(
        mutations,
        *(an_asset("ETH"), other),
        a_venue_symbol(status=MarketStatusCode.HALTED),
        a_venue_symbol(venue_symbol="ETHUSDT", symbol_id=other.symbol_id),
        a_venue_symbol(venue_symbol="XBT", alias_of="BTCUSDT", **bitcoin),
        a_venue_symbol(venue_symbol="XETH", alias_of="ETHUSDT", **ether),
    )
    async with serve(NOW + HOUR) as registry:
        listed = await registry.call("ListVenueSymbols", venue_id="binance")
    assert {v.venue_symbol: said(v)[0] for v in listed.venue_symbols} == {
        "BTCUSDT": "HALTED",
        "XBT": "HALTED",
        "ETHUSDT": "ONLINE",
        "XETH": "ONLINE",
    }
