"""Prices of assets are told by the window in which they were taken, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import apply, commit
from tests.support.entity_builders import BTC, NOW, USDT, a_venue, an_asset, an_asset_price, an_id
from tests.support.writer_server import Client, serving

MINUTE = dt.timedelta(minutes=1)
ETH = an_id("ETH")
PRICES = (
    an_asset_price(taken_at=NOW - 20 * MINUTE),
    an_asset_price(taken_at=NOW - 5 * MINUTE, asset_id=ETH),
    an_asset_price(taken_at=NOW, venue_id="kraken"),
)


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    await commit(mutations, an_asset(), an_asset("USDT"), an_asset("ETH"), a_venue())
    await commit(mutations, a_venue("kraken"))
    await commit(mutations, *PRICES)
    async with serving(engine, NOW) as client:
        yield client


def at(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def listed(client: Client, **request: Any) -> tuple[list[tuple[str, str]], str]:
    given = pb.ListAssetPricesRequest(**request)
    answer = await client.call(client.admin.ListAssetPrices, given, Role.READ)
    return [(p.venue_id, p.asset_id) for p in answer.prices], answer.next_page_token


async def test_a_window_has_what_was_taken_within_it(client_: Client) -> None:
    every, token = await listed(client_)
    binance = sorted([("binance", BTC), ("binance", ETH)])
    assert (every, token) == ([*binance, ("kraken", BTC)], "")
    late, _ = await listed(client_, taken_from=at(NOW - 5 * MINUTE))
    assert late == [("binance", ETH), ("kraken", BTC)]
    early, _ = await listed(client_, taken_until=at(NOW - 5 * MINUTE))
    assert early == binance
    none, _ = await listed(
        client_, taken_from=at(NOW - 4 * MINUTE), taken_until=at(NOW - 1 * MINUTE)
    )
    assert none == []


async def test_pages_lead_to_all_of_it(client_: Client) -> None:
    found: list[Any] = []
    token = ""
    for _ in PRICES:
        some, token = await listed(client_, page_size=1, page_token=token)
        found += some
    assert (found, token) == ((await listed(client_))[0], "")


async def test_an_answer_has_the_quotes_as_they_were_given(client_: Client) -> None:
    answer = await client_.call(
        client_.admin.ListAssetPrices, pb.ListAssetPricesRequest(page_size=1), Role.READ
    )
    (quote,) = answer.prices[0].quotes
    assert (quote.venue_symbol, quote.quote_asset_id, quote.price) == ("BTCUSDT", USDT, "64000.5")


async def test_an_older_price_does_not_replace_a_newer_one(
    client_: Client, mutations: Mutations
) -> None:
    await commit(mutations, an_asset_price(taken_at=NOW - MINUTE, asset_id=ETH))
    older = an_asset_price(taken_at=NOW - 9 * MINUTE, asset_id=ETH)
    assert not (await apply(mutations, [older])).committed
    found, _ = await listed(client_, taken_from=at(NOW - MINUTE), taken_until=at(NOW - MINUTE))
    assert found == [("binance", ETH)]


@pytest.mark.parametrize(
    "request_",
    [
        {"page_size": 1_001},
        {"page_size": -1},
        {"page_token": "AAAA"},
        {"taken_from": at(NOW), "taken_until": at(NOW - MINUTE)},
    ],
)
async def test_what_cannot_be_is_refused(client_: Client, request_: dict[str, Any]) -> None:
    given = pb.ListAssetPricesRequest(**request_)
    found = await refusal(client_.call(client_.admin.ListAssetPrices, given))
    assert found.reason == "INVALID"


async def test_a_token_is_of_its_window_alone(client_: Client) -> None:
    _, token = await listed(client_, page_size=1)
    other = pb.ListAssetPricesRequest(page_token=token, taken_until=at(NOW))
    found = await refusal(client_.call(client_.admin.ListAssetPrices, other))
    assert found.reason == "INVALID"


async def test_a_row_that_its_price_does_not_know_is_no_answer(
    client_: Client, engine: AsyncEngine
) -> None:
    async with engine.begin() as tx:
        moved = "UPDATE asset_prices SET taken_at = taken_at + interval '1 h'"
        await tx.execute(sa.text(moved))
    call = client_.call(
        client_.admin.ListAssetPrices, pb.ListAssetPricesRequest(taken_from=at(NOW + MINUTE))
    )
    assert (await refusal(call)).code == grpc.StatusCode.DATA_LOSS
