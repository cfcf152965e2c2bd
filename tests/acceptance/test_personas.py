"""What market data, portfolios, execution and the desk do with the whole stack, end to end.

Each writes at the writer and reads at a resolver, naming the position that the write was
answered with: whoever wrote something finds it there.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.assets.v1 import quality_flag_pb2, relationship_pb2
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2 as pb

from tests.acceptance.conftest import Stack
from tests.acceptance.desk import Desk
from tests.support.call_errors import refusal

Code = grpc.StatusCode
WRAPS = relationship_pb2.RELATIONSHIP_TYPE_WRAPS


@pytest.fixture(params=[0, 1], ids=["resolver-1", "resolver-2"])
async def desk(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with (
        grpc.aio.insecure_channel(stack.endpoints.writer) as writer,
        grpc.aio.insecure_channel(stack.endpoints.resolvers[request.param]) as resolver,
    ):
        yield Desk(writer, resolver, stack.endpoints.keys.admin)


# ---------------------------------------------------------------- cqmd: market data


async def test_market_data_gets_the_canonical_symbol_and_its_exact_steps(desk: Desk) -> None:
    symbol, venue_id = await desk.a_market()
    asked = pb.GetVenueSymbolRequest(venue_id=venue_id, venue_symbol="BTCUSDT")
    for service in (desk.writer, desk.sidecar):
        got = await desk.read(service.GetVenueSymbol, asked)
        assert got.venue_symbol.symbol_id == got.symbol.symbol_id == symbol.symbol_id
        assert got.symbol.symbol == "BTC/USDT"
        # The symbol states no steps of its own: those that apply at the venue are told.
        assert (got.symbol.exact.tick_size, got.symbol.tick_size) == ("0.01", 0.01)
        assert (got.symbol.exact.lot_size, got.symbol.exact.min_notional) == ("0.00001", "5")
    found = await desk.resolve(venue_id, "BTCUSDT")
    assert found.symbol == symbol
    assert (found.base_asset.symbol, found.quote_asset.symbol) == ("BTC", "USDT")
    specs = found.specs
    assert (specs.tick_size, specs.lot_size, specs.min_notional) == ("0.01", "0.00001", "5")
    assert specs.source == resolver_pb2.SPECS_SOURCE_VENUE
    assert found.tradeable.allowed
    assert found.freshness.state == resolver_pb2.SNAPSHOT_STATE_LIVE


async def test_market_data_never_gets_a_guess(desk: Desk) -> None:
    _, venue_id = await desk.a_market()
    for venue, spelling, reason in (
        (venue_id, "btcusdt", "VENUE_SYMBOL_NOT_FOUND"),
        (venue_id, "BTCUSDTX", "VENUE_SYMBOL_NOT_FOUND"),
        ("elsewhere", "BTCUSDT", "VENUE_NOT_FOUND"),
    ):
        found = await refusal(desk.resolve(venue, spelling))
        assert (found.code, found.reason) == (Code.NOT_FOUND, reason)


# ---------------------------------------------------------------- cqpm: portfolios


async def test_portfolios_get_all_eth_variants_with_their_exact_weights(desk: Desk) -> None:
    # More digits than a double holds.
    weights = {"ETH": "1", "WETH": "1", "STETH": "0.9998", "RETH": "1.1234567890123456789"}
    variants = {symbol: await desk.an_asset(symbol) for symbol in weights}
    created = pb.CreateAssetGroupRequest(name=f"all-eth-{desk.number()}")
    for symbol in ("ETH", "WETH", "STETH"):
        asset_id = variants[symbol].asset_id
        created.members.add(asset_id=asset_id, weight_exact=weights[symbol])
    group = (await desk.write(desk.writer.CreateAssetGroup, created)).group
    late = pb.AddAssetToGroupRequest(
        group_id=group.group_id, asset_id=variants["RETH"].asset_id, weight_exact=weights["RETH"]
    )
    await desk.write(desk.writer.AddAssetToGroup, late)

    expected = {variants[symbol].asset_id: weight for symbol, weight in weights.items()}
    for service, asked in itertools.product(
        (desk.writer, desk.sidecar), ({"group_id": group.group_id}, {"name": group.name})
    ):
        got = await desk.read(service.GetAssetGroup, pb.GetAssetGroupRequest(**asked))
        assert {m.asset_id: m.weight_exact for m in got.group.members} == expected
        for member in got.group.members:
            assert member.weight == float(member.weight_exact)


async def test_portfolios_find_a_wrapping_from_both_ends(desk: Desk) -> None:
    wrapped, eth = [await desk.an_asset(symbol) for symbol in ("WETH", "ETH")]
    request = pb.CreateAssetRelationshipRequest(
        source_asset_id=wrapped.asset_id,
        target_asset_id=eth.asset_id,
        relationship_type=WRAPS,
        conversion_rate="1",
    )
    made = (await desk.write(desk.writer.CreateAssetRelationship, request)).relationship
    for end in (wrapped, eth):
        asked = pb.ListAssetRelationshipsRequest(asset_id=end.asset_id, relationship_type=WRAPS)
        found = await desk.read(desk.writer.ListAssetRelationships, asked)
        assert list(found.relationships) == [made]
        assert (made.from_asset_id, made.to_asset_id) == (wrapped.asset_id, eth.asset_id)


# ---------------------------------------------------------------- cqvx: execution


async def test_execution_reads_availability_and_is_stopped_while_trading_is_disabled(
    desk: Desk,
) -> None:
    symbol, venue_id = await desk.a_market()
    held: dict[str, Any] = {"venue_id": venue_id, "asset_id": symbol.base_asset_id}
    listed = pb.CreateVenueAssetRequest(
        **held,
        venue_asset_symbol="BTC",
        deposit_enabled=False,
        withdraw_enabled=True,
        trading_enabled=True,
    )
    await desk.write(desk.writer.CreateVenueAsset, listed)
    got = await desk.read(desk.sidecar.GetVenueAsset, pb.GetVenueAssetRequest(**held))
    asset = got.venue_asset
    flags = (asset.deposit_enabled, asset.withdraw_enabled, asset.trading_enabled)
    assert flags == (False, True, True)
    assert (await desk.resolve(venue_id, "BTCUSDT")).tradeable.allowed

    for enabled in (False, True):
        update = pb.UpdateVenueAssetRequest(**held, trading_enabled=enabled)
        await desk.write(desk.writer.UpdateVenueAsset, update)
        got = await desk.read(desk.sidecar.GetVenueAsset, pb.GetVenueAssetRequest(**held))
        assert got.venue_asset.trading_enabled == enabled
        verdict = (await desk.resolve(venue_id, "BTCUSDT")).tradeable
        assert verdict.allowed == verdict.open.allowed == verdict.post_only.allowed == enabled
        # Nobody is trapped: what is open can be reduced, and orders taken back.
        assert verdict.reduce.allowed
        assert verdict.cancel.allowed
        key = f"{venue_id}/{symbol.base_asset_id}"
        expected = [] if enabled else [("VENUE_ASSET_TRADING_DISABLED", "venue_asset", key)]
        assert [(r.code, r.kind, r.key) for r in verdict.open.reasons] == expected


# ---------------------------------------------------------------- quality flags


async def test_a_critical_flag_stops_trading_until_it_is_resolved(desk: Desk) -> None:
    symbol, venue_id = await desk.a_market()
    asset_id = symbol.quote_asset_id
    asked = pb.CheckAssetTradeableRequest(asset_id=asset_id)
    assert (await desk.read(desk.writer.CheckAssetTradeable, asked)).tradeable

    raised = pb.RaiseQualityFlagRequest(
        asset_id=asset_id,
        flag_type=quality_flag_pb2.FLAG_TYPE_EXPLOITED,
        severity=quality_flag_pb2.FLAG_SEVERITY_CRITICAL,
        description="drained",
        raised_by="desk",
    )
    flag = (await desk.write(desk.writer.RaiseQualityFlag, raised)).flag
    verdict = (await desk.resolve(venue_id, "BTCUSDT")).tradeable
    assert not verdict.allowed
    reasons = [(r.code, r.kind, r.key, r.message) for r in verdict.open.reasons]
    # A spot symbol settles in its quote: the same flag speaks for the asset, once a leg.
    assert ("FLAG_CRITICAL_QUOTE", "quality_flag", flag.flag_id, "drained") in reasons
    assert {key for _, _, key, _ in reasons} == {flag.flag_id}
    assert verdict.cancel.allowed
    checked = await desk.read(desk.writer.CheckAssetTradeable, asked)
    assert (checked.tradeable, list(checked.blocking_flags)) == (False, [flag])

    done = pb.ResolveQualityFlagRequest(
        flag_id=flag.flag_id, resolution_notes="refunded", resolved_by="desk"
    )
    await desk.write(desk.writer.ResolveQualityFlag, done)
    assert (await desk.resolve(venue_id, "BTCUSDT")).tradeable.allowed
    checked = await desk.read(desk.writer.CheckAssetTradeable, asked)
    assert (checked.tradeable, list(checked.blocking_flags)) == (True, [])
