"""Every RPC that the writer answers: a good request, a bad one, and lists page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import commit
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.writer_server import Client, serving
from tests.unit.resolver.services.test_rpc_coverage import REGISTRY

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
admin_pb: Any = registry_admin_pb2
Code = grpc.StatusCode
BTC_USDT = a_symbol().symbol_id
WRAPS = a_relationship(ETH, BTC)
MARKET = (
    *(an_asset(), an_asset("USDT"), an_asset("ETH"), a_chain(), WRAPS),
    *(a_venue(), a_symbol(), a_venue_asset(), a_venue_symbol()),
    *(a_deployment(), an_identifier(), a_symbol_identifier(), a_group(ETH), a_flag()),
)
ON_ETHEREUM = {"asset_id": USDT, "chain_id": "ethereum"}
GROUP = {"group_id": an_id("group")}
SPELLED = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
HELD = {"venue_id": "binance", "asset_id": BTC}
CONTRACT = {
    "symbol_type": 2,
    "base_asset_id": BTC,
    "quote_asset_id": USDT,
    "settlement_asset_id": USDT,
}

#: RPC -> (a request that is answered, one that is not, and what it is refused for).
GOOD_AND_BAD: dict[str, tuple[dict[str, Any], dict[str, Any], set[tuple[str, str]]]] = {
    "CreateAsset": (
        {"symbol": "SOL", "name": "Solana", "asset_type": 1},
        {"symbol": "", "name": "", "logo_url": "x"},
        {
            ("symbol", "REQUIRED"),
            ("name", "REQUIRED"),
            ("asset_type", "REQUIRED"),
            ("logo_url", "NOT_A_URL"),
        },
    ),
    "GetAsset": ({"asset_id": BTC}, {"asset_id": "btc"}, {("asset_id", "NOT_A_UUID")}),
    "UpdateAsset": (
        {"asset_id": BTC, "name": "Bitcoin"},
        {"asset_id": BTC, "symbol": " ", "name": ""},
        {("symbol", "WHITE_SPACE"), ("name", "REQUIRED")},
    ),
    "DeleteAsset": ({"asset_id": an_id("lonely")}, {}, {("asset_id", "REQUIRED")}),
    "ListAssets": ({}, {"page_size": -1}, {("page_size", "OUT_OF_RANGE")}),
    "CreateAssetRelationship": (
        {"source_asset_id": USDT, "target_asset_id": BTC, "relationship_type": 4},
        {"source_asset_id": BTC, "target_asset_id": BTC, "conversion_rate": "1e3"},
        # What cannot be read does not hide what is wrong with the rest.
        {
            ("conversion_rate", "NOT_A_DECIMAL"),
            ("target_asset_id", "SELF_REFERENCE"),
            ("relationship_type", "REQUIRED"),
        },
    ),
    "ListAssetRelationships": ({"asset_id": BTC}, {"asset_id": "x"}, {("asset_id", "NOT_A_UUID")}),
    "DeleteAssetRelationship": (
        {"relationship_id": WRAPS.relationship_id},
        {"relationship_id": "x"},
        {("relationship_id", "NOT_A_UUID")},
    ),
    "CreateAssetDeployment": (
        {**ON_ETHEREUM, "contract_address": "0x" + "1" * 40, "decimals": 18},
        {**ON_ETHEREUM, "contract_address": "0x1", "decimals": 99},
        {("contract_address", "NOT_AN_ADDRESS"), ("decimals", "OUT_OF_RANGE")},
    ),
    "GetAssetDeployment": (
        {"deployment_id": an_id("deployment")},
        {"deployment_id": ""},
        {("deployment_id", "NOT_A_UUID")},
    ),
    "ListAssetDeployments": (
        {"asset_id": USDT, "chain_id": "ethereum"},
        {"asset_id": "x"},
        {("asset_id", "NOT_A_UUID")},
    ),
    "CreateAssetIdentifier": (
        {"asset_id": ETH, "source": 1, "external_id": "ethereum", "is_primary": True},
        {"asset_id": ETH, "source": 1, "external_id": " x"},
        {("external_id", "WHITE_SPACE")},
    ),
    "GetAssetIdentifier": (
        {"asset_id": BTC, "source": 1},
        {"asset_id": "x", "source": 1},
        {("asset_id", "NOT_A_UUID")},
    ),
    "ListAssetIdentifiers": ({"asset_id": BTC}, {"asset_id": "x"}, {("asset_id", "NOT_A_UUID")}),
    "CreateSymbolIdentifier": (
        {"symbol_id": BTC_USDT, "data_source": 5, "external_id": "x"},
        {"symbol_id": BTC_USDT, "external_id": ""},
        {("data_source", "REQUIRED"), ("external_id", "REQUIRED")},
    ),
    "GetSymbolIdentifier": (
        {"symbol_id": BTC_USDT, "data_source": 4},
        {"symbol_id": "x"},
        {("symbol_id", "NOT_A_UUID")},
    ),
    "SearchAssets": (
        {"query": "tether", "asset_type": 1},
        {"query": "", "limit": 1001},
        {("query", "REQUIRED"), ("limit", "OUT_OF_RANGE")},
    ),
    "SearchSymbols": (
        {"query": "BTC", "base_asset_id": BTC},
        {"query": "BTC", "base_asset_id": "x"},
        {("base_asset_id", "NOT_A_UUID")},
    ),
    "ListSymbolIdentifiers": (
        {"symbol_id": BTC_USDT},
        {"symbol_id": "x"},
        {("symbol_id", "NOT_A_UUID")},
    ),
    "CreateAssetGroup": (
        {"name": "all-btc", "members": [{"asset_id": BTC, "weight": 0.1}]},
        {"name": "some", "members": [{"asset_id": BTC}, {"asset_id": an_id("nobody")}]},
        {("members[1].asset_id", "NOT_FOUND")},
    ),
    "GetAssetGroup": ({"name": "all-eth"}, {}, {("group_id", "REQUIRED")}),
    "ListAssetGroups": ({}, {"page_size": 1001}, {("page_size", "OUT_OF_RANGE")}),
    "AddAssetToGroup": (
        {**GROUP, "asset_id": BTC, "weight": 0.5, "weight_exact": "0.5"},
        {**GROUP, "asset_id": ETH, "weight_exact": "-1"},
        {("asset_id", "DUPLICATE"), ("weight_exact", "NOT_POSITIVE")},
    ),
    "RemoveAssetFromGroup": (
        {**GROUP, "asset_id": ETH},
        {**GROUP, "asset_id": "x"},
        {("asset_id", "NOT_A_UUID")},
    ),
    "RaiseQualityFlag": (
        {"asset_id": ETH, "flag_type": 3, "severity": 5, "description": "drained"},
        {"asset_id": ETH, "severity": 5},
        {("flag_type", "REQUIRED"), ("description", "REQUIRED")},
    ),
    "ResolveQualityFlag": (
        {"flag_id": an_id("flag"), "resolution_notes": "refunded", "resolved_by": "me"},
        {"flag_id": an_id("flag"), "resolved_by": "me"},
        {("resolution_notes", "REQUIRED")},
    ),
    "ListQualityFlags": ({"asset_id": BTC}, {"asset_id": "x"}, {("asset_id", "NOT_A_UUID")}),
    "CheckAssetTradeable": ({"asset_id": BTC}, {}, {("asset_id", "NOT_A_UUID")}),
    "CreateChain": (
        {"name": "BNB Smart Chain", "chain_type": "EVM", "chain_id": 2**40},
        {"name": "!", "chain_type": "", "chain_id": -1, "rpc_urls": ["x"]},
        {
            # By the names that the request has: its chain_id is the network's number.
            ("id", "NOT_A_SLUG"),
            ("chain_type", "REQUIRED"),
            ("chain_id", "NEGATIVE"),
            ("rpc_urls", "NOT_A_URL"),
        },
    ),
    "GetChain": ({"chain_id": "ethereum"}, {}, {("chain_id", "REQUIRED")}),
    "ListChains": ({"chain_type": "EVM"}, {"chain_type": "a\0"}, {("chain_type", "NUL")}),
    "UpdateChain": (
        {"chain_id": "ethereum", "rpc_urls": ["https://x.y"]},
        {"chain_id": "ethereum", "chain_type": "SOLANA"},
        {("chain_type", "IMMUTABLE")},
    ),
    "CreateSymbol": (
        {**CONTRACT, "tick_size": 0.1},
        {**CONTRACT, "tick_size": 0.0, "lot_size": -1.0},
        {("exact.tick_size", "NOT_POSITIVE"), ("exact.lot_size", "NOT_POSITIVE")},
    ),
    "GetSymbol": ({"symbol_id": BTC_USDT}, {"symbol_id": "x"}, {("symbol_id", "NOT_A_UUID")}),
    "UpdateSymbol": (
        {"symbol_id": BTC_USDT, "tick_size": 0.5},
        {
            "symbol_id": BTC_USDT,
            "symbol_type": 2,
            "tick_size": -0.5,
            "exact": {"strike_price": "1"},
        },
        {
            ("symbol_type", "IMMUTABLE"),
            ("exact.tick_size", "NOT_POSITIVE"),
            ("exact.strike_price", "IMMUTABLE"),
            ("exact.strike_price", "NOT_APPLICABLE"),
        },
    ),
    "DeleteSymbol": (
        {"symbol_id": a_symbol(base_asset_id=ETH).symbol_id},
        {"symbol_id": "x"},
        {("symbol_id", "NOT_A_UUID")},
    ),
    "ListSymbols": (
        {"base_asset_id": BTC},
        {"base_asset_id": "x"},
        {("base_asset_id", "NOT_A_UUID")},
    ),
    "CreateVenue": (
        {"name": "OKX", "venue_type": 1},
        {"name": "Uniswap", "venue_type": 2, "api_endpoint": "x"},
        {("chain_id", "REQUIRED"), ("api_endpoint", "NOT_A_URL")},
    ),
    "GetVenue": ({"venue_id": "binance"}, {"venue_id": "x" * 200}, {("venue_id", "NOT_A_KEY")}),
    "ListVenues": ({"venue_type": 1}, {"chain_id": "a\0"}, {("chain_id", "NUL")}),
    "UpdateVenue": (
        {"venue_id": "binance", "is_active": False},
        {"venue_id": "binance", "operator": "No Slug"},
        {("operator", "NOT_A_SLUG")},
    ),
    "CreateVenueAsset": (
        {"venue_id": "binance", "asset_id": ETH, "venue_asset_symbol": "ETH"},
        {"venue_id": "binance", "asset_id": ETH, "venue_asset_symbol": "BTC"},
        {("venue_asset_symbol", "CODE_TAKEN")},
    ),
    "GetVenueAsset": (HELD, {**HELD, "asset_id": "x"}, {("asset_id", "NOT_A_UUID")}),
    "ListVenueAssets": (HELD, {"asset_id": "x"}, {("asset_id", "NOT_A_UUID")}),
    "UpdateVenueAsset": (
        {**HELD, "trading_enabled": False},
        {**HELD, "venue_asset_symbol": ""},
        {("venue_asset_symbol", "REQUIRED")},
    ),
    "DelistVenueAsset": (HELD, {}, {("venue_id", "REQUIRED"), ("asset_id", "REQUIRED")}),
    "CreateVenueSymbol": (
        {"venue_id": "binance", "symbol_id": BTC_USDT, "venue_symbol": "XBT/USDT"},
        {"venue_id": "binance", "symbol_id": BTC_USDT, "venue_symbol": "B", "maker_fee": 1.5},
        {("exact.maker_fee", "OUT_OF_RANGE")},
    ),
    "GetVenueSymbol": (
        SPELLED,
        {"venue_id": "Binance", "venue_symbol": ""},
        {("venue_id", "NOT_A_SLUG"), ("venue_symbol", "REQUIRED")},
    ),
    "ListVenueSymbols": (
        {"venue_id": "binance"},
        {"symbol_id": "x"},
        {("symbol_id", "NOT_A_UUID")},
    ),
    "UpdateVenueSymbol": (
        {**SPELLED, "status": 6},
        {**SPELLED, "taker_fee": 1.5, "status": 99},
        {("status", "UNKNOWN"), ("exact.taker_fee", "OUT_OF_RANGE")},
    ),
    "DelistVenueSymbol": (
        SPELLED,
        {**SPELLED, "venue_symbol": "x" * 129},
        {("venue_symbol", "TOO_LONG")},
    ),
}


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    lonely = an_asset("LONELY", asset_id=an_id("lonely"))
    await commit(mutations, *MARKET, lonely, a_symbol(base_asset_id=ETH))
    # Later than the market was listed.
    async with serving(engine, NOW + dt.timedelta(hours=1)) as client:
        yield client


def test_every_answered_rpc_is_tried() -> None:
    assert set(GOOD_AND_BAD) == set(REGISTRY)


@pytest.mark.parametrize("name", GOOD_AND_BAD)
async def test_a_bad_request_changes_nothing_and_a_good_one_is_answered(
    name: str, client_: Client
) -> None:
    good, bad, violations = GOOD_AND_BAD[name]
    request: Callable[..., Any] = getattr(pb, f"{name}Request")
    method = getattr(client_.registry, name)
    before = (await head(client_)).revision
    found = await refusal(client_.call(method, request(**bad)))
    assert (found.code, found.domain) == (Code.INVALID_ARGUMENT, "cqar")
    assert found.violations == violations
    assert (await head(client_)).revision == before

    answer = await client_.call(method, request(**good))
    changes = not name.startswith(("Get", "List", "Check", "Search"))
    assert (await head(client_)).revision == before + changes
    if changes:
        assert answer.revision == before + 1


async def head(client: Client) -> Any:
    answer = await client.call(client.admin.GetHead, admin_pb.GetHeadRequest(), Role.READ)
    return answer.head


async def test_apply_says_what_became_of_each_item(client_: Client) -> None:
    items = [
        admin_pb.ApplyItem(venue={"venue_id": "kraken", "name": "Kraken", "venue_type": 1}),
        admin_pb.ApplyItem(venue={"venue_id": "Bad!", "name": "Bad", "venue_type": 1}),
        admin_pb.ApplyItem(tombstone=admin_pb.EntityRef(kind="asset", key=an_id("lonely"))),
        admin_pb.ApplyItem(tombstone=admin_pb.EntityRef(kind="asset", key="nope")),
    ]
    before = (await head(client_)).revision
    for options in ({"dry_run": True}, {}):
        answer = await client_.call(
            client_.admin.Apply, admin_pb.ApplyRequest(items=items, **options)
        )
        assert [o.status for o in answer.outcomes] == [1, 5, 4, 5]
        assert (answer.committed, answer.revision) == (False, before)
    skipping = admin_pb.ApplyRequest(items=items, skip_rejected=True)
    answer = await client_.call(client_.admin.Apply, skipping)
    assert (answer.committed, answer.revision) == (True, before + 1)
    assert [v.reason for v in answer.outcomes[1].violations] == ["NOT_A_SLUG"]
    unknown = admin_pb.ApplyRequest(items=[admin_pb.ApplyItem()])
    found = await refusal(client_.call(client_.admin.Apply, unknown))
    assert found.violations == {("items[0]", "UNKNOWN_KIND")}
