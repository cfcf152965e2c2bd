"""Search: an exact name before a beginning, a beginning before a likeness; pages do not overlap."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.quality_flag import FlagSeverity
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import commit
from tests.support.entity_builders import (
    BTC,
    NOW,
    a_chain,
    a_deployment,
    a_flag,
    a_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.writer_server import Client, serving


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    await commit(
        mutations,
        *(an_asset("BTC", name="Bitcoin"), an_asset("WBTC", name="Wrapped Bitcoin")),
        an_asset("BCH", name="Bitcoin Cash"),
        *(an_asset("BTCB", name="Binance Bitcoin"), an_asset("USDT", name="Tether USD")),
        *(an_asset("XAUT", name="Tether Gold", category="gold"), an_asset("P%T", name="Percent")),
        *(a_chain(), a_deployment(), an_identifier(), a_symbol(), a_flag()),
        an_identifier(
            identifier_id=an_id("other"), asset_id=an_id("wbtc"), external_id="coin-of-satoshi"
        ),
    )
    async with serving(engine, NOW) as client:
        yield client


async def assets(client: Client, query: str, **options: Any) -> list[str]:
    request = pb.SearchAssetsRequest(query=query, **options)
    answer = await client.call(client.registry.SearchAssets, request)
    return [asset.symbol for asset in answer.assets]


async def test_an_exact_symbol_comes_before_a_beginning_and_a_beginning_before_a_likeness(
    client_: Client,
) -> None:
    found = await assets(client_, "btc")
    assert found[:2] == ["BTC", "BTCB"]
    assert set(found[2:]) <= {"WBTC"}
    assert (await assets(client_, "Bitcoin"))[0] == "BTC"
    assert (await assets(client_, "bitc"))[:2] == ["BTC", "BCH"]
    assert (await assets(client_, "tethr usd"))[0] == "USDT"  # a slip of the finger


async def test_addresses_and_external_ids_are_found_whole_or_begun_in_any_case(
    client_: Client,
) -> None:
    for query in ("0xdac17f958d2ee523a2206206994597c13d831ec7", "0XDAC17F", "0xdac1"):
        assert await assets(client_, query) == ["USDT"]
    assert await assets(client_, "0xdac17f958d2ee523a2206206994597c13d831ec8") == []
    assert await assets(client_, "0xda") == []
    for query in ("coin-of-satoshi", "COIN-OF-SATOSHI", "coin-of", "coin-of-satosi"):
        assert (await assets(client_, query))[0] == "WBTC", query


async def test_filters_narrow_and_wildcards_are_letters(client_: Client) -> None:
    assert set(await assets(client_, "tether")) == {"USDT", "XAUT"}
    assert await assets(client_, "tether", category="gold") == ["XAUT"]
    assert await assets(client_, "p%") == ["P%T"]
    assert await assets(client_, "_%") == []
    assert "BTC" not in await assets(
        client_, "btc", max_flag_severity=FlagSeverity.HIGH
    )  # its flag is critical
    assert "BTC" in await assets(client_, "btc", max_flag_severity=FlagSeverity.CRITICAL)


async def test_pages_of_a_search_are_the_whole_in_its_order(client_: Client) -> None:
    whole = await assets(client_, "bitcoin")
    assert len(whole) == 4
    pages, token = [], ""
    while True:
        request = pb.SearchAssetsRequest(query="bitcoin", limit=1, page_token=token)
        answer = await client_.call(client_.registry.SearchAssets, request)
        pages += [asset.symbol for asset in answer.assets]
        if not (token := answer.next_page_token):
            break
        last = token
    assert pages == whole
    other = pb.SearchAssetsRequest(query="tether", page_token=last)
    found = await refusal(client_.call(client_.registry.SearchAssets, other))
    assert (found.code, found.violations) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        {("page_token", "OTHER_QUERY")},
    )


async def test_symbols_are_searched_too(client_: Client) -> None:
    request = pb.SearchSymbolsRequest(query="btc")
    answer = await client_.call(client_.registry.SearchSymbols, request)
    assert [symbol.base_asset_id for symbol in answer.symbols] == [BTC]
