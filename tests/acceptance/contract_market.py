"""A small market that a CQC client makes of nothing, and one request to get each part of it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from tests.support.contract_client import ContractClient

TETHER: Final = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
NOBODY: Final = "3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11"


class Market(NamedTuple):
    """The parts as the answers to their creation stated them."""

    btc: Any
    eth: Any
    usdt: Any
    weth: Any
    chain: Any
    deployment: Any
    asset_identifier: Any
    relationship: Any
    group: Any
    member: Any
    flag: Any
    symbol: Any
    symbol_identifier: Any
    venue: Any
    venue_asset: Any
    venue_symbol: Any


async def an_asset(client: ContractClient, symbol: str, **fields: Any) -> Any:
    given = {"name": symbol.title(), "asset_type": "ASSET_TYPE_NATIVE", **fields}
    return (await client.call("CreateAsset", symbol=symbol, **given)).asset


async def a_spot_symbol(client: ContractClient, base: Any, quote: Any, **fields: Any) -> Any:
    ends = {"base_asset_id": base.asset_id, "quote_asset_id": quote.asset_id}
    given = {"symbol_type": "SYMBOL_TYPE_SPOT", **ends, **fields}
    return (await client.call("CreateSymbol", **given)).symbol


async def make_market(client: ContractClient) -> Market:
    btc, eth, usdt, weth = [await an_asset(client, s) for s in ("BTC", "ETH", "USDT", "WETH")]
    assets = {"btc": btc, "eth": eth, "usdt": usdt, "weth": weth}
    on_chain = await _on_ethereum(client, eth=eth, usdt=usdt, weth=weth)
    described = await _described(client, btc=btc, eth=eth)
    return Market(**assets, **on_chain, **described, **await _traded(client, btc=btc, usdt=usdt))


async def _on_ethereum(client: ContractClient, *, eth: Any, usdt: Any, weth: Any) -> dict[str, Any]:
    chain = await client.call(
        "CreateChain", name="Ethereum", chain_type="EVM", chain_id=1, native_asset_symbol="ETH"
    )
    deployment = await client.call(
        "CreateAssetDeployment",
        asset_id=usdt.asset_id,
        chain_id=chain.chain.chain_id,
        contract_address=TETHER.lower(),
        decimals=6,
    )
    relationship = await client.call(
        "CreateAssetRelationship",
        source_asset_id=weth.asset_id,
        target_asset_id=eth.asset_id,
        relationship_type="RELATIONSHIP_TYPE_WRAPS",
    )
    return {
        "chain": chain.chain,
        "deployment": deployment.deployment,
        "relationship": relationship.relationship,
    }


async def _described(client: ContractClient, *, btc: Any, eth: Any) -> dict[str, Any]:
    identifier = await client.call(
        "CreateAssetIdentifier",
        asset_id=btc.asset_id,
        source="DATA_SOURCE_COINGECKO",
        external_id="bitcoin",
        is_primary=True,
    )
    group = await client.call("CreateAssetGroup", name="all-eth", group_type="VARIANTS")
    member = await client.call(
        "AddAssetToGroup", group_id=group.group.group_id, asset_id=eth.asset_id, weight=0.1
    )
    flag = await client.call(
        "RaiseQualityFlag",
        asset_id=eth.asset_id,
        flag_type="FLAG_TYPE_LOW_LIQUIDITY",
        severity="FLAG_SEVERITY_MEDIUM",
        description="thin books",
        raised_by="desk",
    )
    return {
        "asset_identifier": identifier.identifier,
        "group": group.group,
        "member": member.member,
        "flag": flag.flag,
    }


async def _traded(client: ContractClient, *, btc: Any, usdt: Any) -> dict[str, Any]:
    symbol = await a_spot_symbol(client, btc, usdt, tick_size=0.01, lot_size=0.00001)
    identifier = await client.call(
        "CreateSymbolIdentifier",
        symbol_id=symbol.symbol_id,
        data_source="DATA_SOURCE_GLASSNODE",
        external_id="btc-usdt",
    )
    venue = await client.call("CreateVenue", name="Binance", venue_type="VENUE_TYPE_CEX")
    at = {"venue_id": venue.venue.venue_id}
    held = await client.call(
        "CreateVenueAsset",
        **at,
        asset_id=btc.asset_id,
        venue_asset_symbol="BTC",
        deposit_enabled=True,
        withdraw_enabled=False,
        trading_enabled=True,
    )
    listing = await client.call(
        "CreateVenueSymbol",
        **at,
        symbol_id=symbol.symbol_id,
        venue_symbol="BTCUSDT",
        maker_fee=-0.0001,
        taker_fee=0.001,
    )
    return {
        "symbol": symbol,
        "symbol_identifier": identifier.identifier,
        "venue": venue.venue,
        "venue_asset": held.venue_asset,
        "venue_symbol": listing.venue_symbol,
    }


def getting(market: Market) -> dict[str, dict[str, Any]]:
    """Get method -> what asks for the market's one."""
    at = {"venue_id": market.venue.venue_id}
    return {
        "GetAsset": {"asset_id": market.btc.asset_id},
        "GetAssetDeployment": {"deployment_id": market.deployment.deployment_id},
        "GetAssetIdentifier": {"asset_id": market.btc.asset_id, "source": "DATA_SOURCE_COINGECKO"},
        "GetAssetGroup": {"group_id": market.group.group_id},
        "GetChain": {"chain_id": market.chain.chain_id},
        "GetSymbol": {"symbol_id": market.symbol.symbol_id},
        "GetSymbolIdentifier": {
            "symbol_id": market.symbol.symbol_id,
            "data_source": "DATA_SOURCE_GLASSNODE",
        },
        "GetVenue": at,
        "GetVenueAsset": {**at, "asset_id": market.btc.asset_id},
        "GetVenueSymbol": {**at, "venue_symbol": "BTCUSDT"},
    }
