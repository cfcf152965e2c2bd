"""Input that no rule may miss, and lists page by page, through the writer's gRPC server."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import (
    BTC,
    MARKET,
    NOW,
    USDT,
    a_symbol,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.writer_server import Client, serving

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
admin_pb: Any = registry_admin_pb2
Code = grpc.StatusCode
BTC_USDT = a_symbol().symbol_id
SPELLED = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
HELD = {"venue_id": "binance", "asset_id": BTC}
CONTRACT = {
    "symbol_type": 2,
    "base_asset_id": BTC,
    "quote_asset_id": USDT,
    "settlement_asset_id": USDT,
}


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    await commit(mutations, *MARKET)
    # Later than the market was listed.
    async with serving(engine, NOW + dt.timedelta(hours=1)) as client:
        yield client


# ---------------------------------------------------------------- input that no rule may miss


@pytest.mark.parametrize(
    ("name", "given", "fields"),
    [
        (
            "CreateSymbol",
            {**CONTRACT, "base_asset_id": "btc", "quote_asset_id": ""},
            {"base_asset_id", "quote_asset_id"},
        ),
        (
            "CreateVenueSymbol",
            {"venue_id": "binance", "symbol_id": "x", "venue_symbol": "X"},
            {"symbol_id"},
        ),
        (
            "CreateAssetRelationship",
            {"source_asset_id": "x", "target_asset_id": BTC, "relationship_type": 1},
            {"source_asset_id"},
        ),
        (
            "CreateVenueAsset",
            {"venue_id": "binance", "asset_id": "x", "venue_asset_symbol": "X"},
            {"asset_id"},
        ),
    ],
)
async def test_a_reference_that_is_no_uuid_is_refused(
    name: str, given: dict[str, Any], fields: set[str], client_: Client
) -> None:
    request: Any = getattr(pb, f"{name}Request")(**given)
    found = await refusal(client_.call(getattr(client_.registry, name), request))
    assert found.code == Code.INVALID_ARGUMENT
    assert fields <= {field for field, _ in found.violations}


async def test_an_item_whose_reference_is_no_uuid_does_not_stop_the_rest(client_: Client) -> None:
    items = [
        admin_pb.ApplyItem(venue_symbol={**SPELLED, "venue_symbol": "X", "symbol_id": "x"}),
        admin_pb.ApplyItem(symbol={**CONTRACT, "base_asset_id": "x"}),
        admin_pb.ApplyItem(venue={"venue_id": "kraken", "name": "Kraken", "venue_type": 1}),
    ]
    request = admin_pb.ApplyRequest(items=items, skip_rejected=True)
    answer = await client_.call(client_.admin.Apply, request)
    assert [o.status for o in answer.outcomes] == [5, 5, 1]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("ListAssets", {"category": "a\0"}),
        ("ListVenueAssets", {"venue_id": "a\0"}),
        ("ListVenueSymbols", {"venue_id": "a\0"}),
        ("ListVenueSymbols", {"venue_symbol": "a\0"}),
        ("CreateChain", {"name": "X", "chain_type": "EVM", "native_asset_symbol": "a\0"}),
    ],
)
async def test_a_nul_in_a_filter_is_refused(
    name: str, given: dict[str, Any], client_: Client
) -> None:
    request: Any = getattr(pb, f"{name}Request")(**given)
    found = await refusal(client_.call(getattr(client_.registry, name), request))
    assert found.code == Code.INVALID_ARGUMENT


async def test_a_nul_in_a_tombstone_rejects_the_item(client_: Client) -> None:
    tombstone = admin_pb.EntityRef(kind="venue", key="a\0")
    request = admin_pb.ApplyRequest(items=[admin_pb.ApplyItem(tombstone=tombstone)])
    answer = await client_.call(client_.admin.Apply, request)
    assert [o.status for o in answer.outcomes] == [5]


@pytest.mark.parametrize("seconds", [253_370_764_800, -62_135_596_800, 2**60])
@pytest.mark.parametrize("name", ["DelistVenueSymbol", "DelistVenueAsset"])
async def test_an_end_that_cannot_be_stored_is_refused_and_the_entity_stays_readable(
    name: str, seconds: int, client_: Client
) -> None:
    given = SPELLED if name == "DelistVenueSymbol" else HELD
    request: Any = getattr(pb, f"{name}Request")(**given)
    request.delisted_at.seconds = seconds
    found = await refusal(client_.call(getattr(client_.registry, name), request))
    assert found.code == Code.INVALID_ARGUMENT
    assert {field for field, _ in found.violations} == {"delisted_at"}
    read = name.replace("Delist", "Get")
    await client_.call(getattr(client_.registry, read), getattr(pb, f"{read}Request")(**given))


async def test_an_end_before_any_calendar_is_refused_of_a_listing_without_beginning(
    client_: Client, mutations: Mutations
) -> None:
    """Nothing else stands against it: an unknown listed_at is open to the past."""
    past = a_venue_symbol(venue_symbol="OLD", is_primary=False)
    await mutations.apply([upsert(past)], CAUSE, historical=True)
    spelled = {**SPELLED, "venue_symbol": "OLD"}
    request = pb.DelistVenueSymbolRequest(**spelled)
    request.delisted_at.seconds = -62_135_596_800
    found = await refusal(client_.call(client_.registry.DelistVenueSymbol, request))
    assert found.code == Code.INVALID_ARGUMENT
    get = pb.GetVenueSymbolRequest(**spelled)
    await client_.call(client_.registry.GetVenueSymbol, get, Role.READ)


@pytest.mark.parametrize(
    "item",
    [
        {"venue": {"name": "币安", "venue_type": 1}},
        {"chain": {"chain_name": "链", "chain_type": "EVM"}},
    ],
)
async def test_a_kind_whose_key_is_a_slug_is_never_given_a_made_up_one(
    item: dict[str, Any], client_: Client
) -> None:
    request = admin_pb.ApplyRequest(items=[admin_pb.ApplyItem(**item)])
    (outcome,) = (await client_.call(client_.admin.Apply, request)).outcomes
    assert [v.reason for v in outcome.violations] == ["NOT_A_SLUG"]


# ---------------------------------------------------------------- lists


async def test_a_list_comes_page_by_page_and_whole(client_: Client, mutations: Mutations) -> None:
    names = [f"COIN{number}" for number in range(7)]
    await commit(mutations, *(an_asset(name, category="meme") for name in names))
    seen: list[str] = []
    token, pages = "", 0
    while True:
        request = pb.ListAssetsRequest(page_size=3, category="meme", page_token=token)
        answer = await client_.call(client_.registry.ListAssets, request, Role.READ)
        assert answer.total_count == 7
        seen += [asset.asset_id for asset in answer.assets]
        pages, token = pages + 1, answer.next_page_token
        if not token:
            break
    assert pages == 3
    assert seen == sorted(an_id(name.lower()) for name in names)
    whole = await client_.call(
        client_.registry.ListAssets, pb.ListAssetsRequest(category="meme"), Role.READ
    )
    assert [asset.asset_id for asset in whole.assets] == seen
    assert whole.next_page_token == ""


async def test_a_token_is_of_one_list_only_and_a_page_has_a_bound(client_: Client) -> None:
    listing = client_.registry.ListAssets
    first = await client_.call(listing, pb.ListAssetsRequest(page_size=1))
    token = first.next_page_token
    for kind, text in ((2, token), (0, "nonsense"), (0, "é"), (0, token[:-4])):
        request = pb.ListAssetsRequest(page_size=1, page_token=text, asset_type=kind)
        found = await refusal(client_.call(listing, request))
        assert found.violations == {("page_token", "OTHER_QUERY")}
    other = pb.ListSymbolsRequest(page_size=1, page_token=token)
    found = await refusal(client_.call(client_.registry.ListSymbols, other))
    assert found.violations == {("page_token", "OTHER_QUERY")}
    for size, good in ((1000, True), (1001, False), (-1, False)):
        call = client_.call(listing, pb.ListAssetsRequest(page_size=size))
        if good:
            assert (await call).total_count == 2
        else:
            assert (await refusal(call)).violations == {("page_size", "OUT_OF_RANGE")}


async def test_delisted_spellings_are_listed_on_request(client_: Client) -> None:
    await client_.call(client_.registry.DelistVenueSymbol, pb.DelistVenueSymbolRequest(**SPELLED))
    for include, count in ((False, 0), (True, 1)):
        request = pb.ListVenueSymbolsRequest(venue_id="binance", include_delisted=include)
        answer = await client_.call(client_.registry.ListVenueSymbols, request, Role.READ)
        assert (answer.total_count, len(answer.venue_symbols), len(answer.symbols)) == (count,) * 3


async def test_a_symbols_open_steps_are_those_of_the_listing(client_: Client) -> None:
    request = pb.GetVenueSymbolRequest(**SPELLED)
    answer = await client_.call(client_.registry.GetVenueSymbol, request, Role.READ)
    assert (answer.symbol.symbol_id, answer.symbol.exact.tick_size) == (BTC_USDT, "0.01")
    assert answer.symbol.tick_size == 0.01
    assert answer.venue_symbol.is_active
