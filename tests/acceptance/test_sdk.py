"""What market data, portfolios and execution do with the SDK, on the whole stack.

Each flow runs through a client and through a replica; what was written before is session along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
from cqc.assets.v1 import quality_flag_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

import cqar
from cqar.sdk.async_api import AsyncApi
from tests.acceptance.conftest import Stack
from tests.acceptance.desk import Desk

WAIT_S = 60.0


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    async with (
        grpc.aio.insecure_channel(stack.endpoints.writer) as writer,
        grpc.aio.insecure_channel(stack.endpoints.resolvers[0]) as resolver,
    ):
        yield Desk(writer, resolver, stack.endpoints.keys.admin)


@pytest.fixture(params=["tcp", "socket", "replica"])
async def api(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[AsyncApi]:
    ends = stack.endpoints
    opened: Any = {
        "tcp": lambda: cqar.AsyncClient(ends.resolvers[0], timeout_s=WAIT_S),
        "socket": lambda: cqar.AsyncClient(f"unix:{ends.resolver_sockets[1]}", timeout_s=WAIT_S),
        "replica": lambda: cqar.Replica(
            ends.postgres,
            ends.nats,
            ends.redis,
            integrity_key_file=ends.integrity_key_file,
            timeout_s=WAIT_S,
        ),
    }[request.param]
    async with opened() as answers:
        await answers.wait_ready(WAIT_S)
        yield answers


def carry(api: AsyncApi, desk: Desk) -> None:
    """What the desk wrote last is to be in the next answer."""
    api.carry(cqar.Position.parse(desk.position))


async def test_market_data_names_every_price_it_gets_and_says_what_it_does_not_know(
    desk: Desk, api: AsyncApi
) -> None:
    symbol, venue_id = await desk.a_market()
    carry(api, desk)
    keys = [(venue_id, "BTCUSDT"), (venue_id, "btcusdt"), ("elsewhere", "BTCUSDT")]
    found, *missed = await api.resolve_batch(keys)
    assert isinstance(found, cqar.Resolution)
    assert (found.symbol.symbol_id, found.symbol.symbol) == (symbol.symbol_id, "BTC/USDT")
    assert (found.base.symbol, found.quote.symbol) == ("BTC", "USDT")
    assert (found.specs.tick_size, found.specs.lot_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert found.freshness.state is cqar.State.LIVE
    codes = [one.reason.code for one in missed if isinstance(one, cqar.Miss)]
    assert codes == ["VENUE_SYMBOL_NOT_FOUND", "VENUE_NOT_FOUND"]


async def test_market_data_hears_of_a_halt_while_it_watches(desk: Desk, api: AsyncApi) -> None:
    _, venue_id = await desk.a_market()
    carry(api, desk)
    start = (await api.resolve(venue_id, "BTCUSDT")).freshness
    updates = api.watch(epoch=start.epoch, kinds=["venue_symbol"], venues=[venue_id])
    await anext(updates)
    halted = venue_symbol_pb2.MARKET_STATUS_HALTED
    request = pb.UpdateVenueSymbolRequest(venue_id=venue_id, venue_symbol="BTCUSDT", status=halted)
    await desk.write(desk.writer.UpdateVenueSymbol, request)
    async with asyncio.timeout(WAIT_S):
        async for update in updates:
            if update.change_set is not None:
                break
    assert update.change_set is not None
    (change,) = update.change_set.changes
    assert change.message().status == halted
    found = await api.resolve(venue_id, "BTCUSDT")
    assert found.market_status is cqar.MarketStatus.HALTED
    assert [reason.code for reason in found.tradeable.reasons] == ["LISTING_HALTED"]


async def test_portfolios_sum_all_variants_of_an_asset_by_exact_weights(
    desk: Desk, api: AsyncApi
) -> None:
    weights = {"ETH": "1", "STETH": "0.9998", "RETH": "1.1234567890123456789"}
    variants = {symbol: await desk.an_asset(symbol) for symbol in weights}
    created = pb.CreateAssetGroupRequest(name=f"all-eth-{desk.number()}")
    for symbol, weight in weights.items():
        created.members.add(asset_id=variants[symbol].asset_id, weight_exact=weight)
    await desk.write(desk.writer.CreateAssetGroup, created)
    carry(api, desk)
    group = await api.group(created.name)
    weight_by_asset = {member.asset.asset_id: member.weight for member in group.members}
    assert weight_by_asset == {variants[s].asset_id: Decimal(w) for s, w in weights.items()}
    held = dict.fromkeys(weight_by_asset, Decimal(2))
    worth = sum(held[asset_id] * (weight or 0) for asset_id, weight in weight_by_asset.items())
    assert worth == 2 * sum(map(Decimal, weights.values()))


async def test_execution_finds_the_spelling_makes_the_order_and_is_stopped_by_a_flag(
    desk: Desk, api: AsyncApi
) -> None:
    symbol, venue_id = await desk.a_market()
    listed = pb.CreateVenueAssetRequest(
        venue_id=venue_id, asset_id=symbol.base_asset_id, venue_asset_symbol="XXBT"
    )
    await desk.write(desk.writer.CreateVenueAsset, listed)
    carry(api, desk)
    (spelling,) = await api.venue_symbols(symbol.symbol_id, [venue_id])
    order: dict[str, Any] = {"price": "64000.129", "quantity": "0.123456789", "side": "buy"}
    checked = await api.check_order(venue_id, spelling.venue_symbol, **order)
    assert checked.allowed
    assert (checked.price, checked.quantity) == (Decimal("64000.12"), Decimal("0.12345"))
    # The helpers make the same order without asking.
    found = await api.resolve(venue_id, spelling.venue_symbol)
    price = found.specs.price_to_tick(order["price"], "buy")
    quantity = found.specs.round_size(order["quantity"])
    assert (price, quantity) == (checked.price, checked.quantity)
    assert found.specs.notional(price, quantity) == checked.notional
    assert found.specs.to_base_quantity(quantity) == quantity
    held = await api.asset(venue=venue_id, code="XXBT")
    assert (held.asset.asset_id, held.tradeable.allowed) == (symbol.base_asset_id, True)

    raised = pb.RaiseQualityFlagRequest(
        asset_id=symbol.base_asset_id,
        flag_type=quality_flag_pb2.FLAG_TYPE_EXPLOITED,
        severity=quality_flag_pb2.FLAG_SEVERITY_CRITICAL,
        description="drained",
    )
    await desk.write(desk.writer.RaiseQualityFlag, raised)
    carry(api, desk)
    stopped = await api.check_order(venue_id, spelling.venue_symbol, **order)
    codes = [(reason.code, reason.message) for reason in stopped.reasons]
    assert (stopped.allowed, codes) == (False, [("FLAG_CRITICAL_BASE", "drained")])
    out = await api.check_order(venue_id, spelling.venue_symbol, **order, intent="reduce")
    assert out.allowed
    flagged = await api.asset(symbol.base_asset_id)
    (flag,) = flagged.active_flags
    assert (flag.severity, flag.reason) == (cqar.Severity.CRITICAL, "drained")
    assert not flagged.tradeable


async def test_a_key_is_asked_for_where_one_is_wanted(stack: Stack, desk: Desk) -> None:
    _, venue_id = await desk.a_market()
    async with cqar.AsyncClient(stack.endpoints.writer, timeout_s=WAIT_S) as nobody:
        with pytest.raises(cqar.Denied, match="key"):
            await nobody.listed(venue_id)
    key = stack.endpoints.keys.read
    async with cqar.AsyncClient(stack.endpoints.writer, key, timeout_s=WAIT_S) as reader:
        assert [one.venue_symbol for one in await reader.listed(venue_id)] == ["BTCUSDT"]
    admin = stack.endpoints.keys.admin
    async with cqar.AsyncClient(stack.endpoints.writer, admin, timeout_s=WAIT_S) as other:
        with pytest.raises(cqar.Unsupported):
            await other.resolve(venue_id, "BTCUSDT")
