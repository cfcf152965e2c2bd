"""For each RPC of CQC: a bad request to the market, and what it is refused for."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import grpc

from tests.acceptance.contract_market import NOBODY, Market

_C: Final = grpc.StatusCode
_PAGE: Final = {"page_token": "nonsense"}


class Bad(NamedTuple):
    """A request, and the status, the reason and the violations that answer it."""

    request: dict[str, Any]
    code: grpc.StatusCode
    reason: str
    violations: frozenset[tuple[str, str]] = frozenset()


def _invalid(request: dict[str, Any], *violations: tuple[str, str]) -> Bad:
    return Bad(request, _C.INVALID_ARGUMENT, "INVALID", frozenset(violations))


def _missing(kind: str, **request: Any) -> Bad:
    return Bad(request, _C.NOT_FOUND, f"{kind}_NOT_FOUND")


def _exists(**request: Any) -> Bad:
    return Bad(request, _C.ALREADY_EXISTS, "EXISTS")


def _in_use(**request: Any) -> Bad:
    return Bad(request, _C.FAILED_PRECONDITION, "IN_USE")


def _no_id(field: str) -> Bad:
    return _invalid({field: "x"}, (field, "NOT_A_UUID"))


def bad_requests(market: Market) -> dict[str, Bad]:
    return {**_of_assets(market), **_of_their_company(market), **_of_markets(market)}


def _of_assets(market: Market) -> dict[str, Bad]:
    btc = {"asset_id": market.btc.asset_id}
    on_chain = {"asset_id": market.usdt.asset_id, "chain_id": market.chain.chain_id}
    return {
        "CreateAsset": _invalid(
            {"name": "Nameless", "logo_url": "ftp://x.y"},
            *(("symbol", "REQUIRED"), ("asset_type", "REQUIRED"), ("logo_url", "NOT_A_URL")),
        ),
        "GetAsset": _missing("ASSET", asset_id=NOBODY),
        "UpdateAsset": _invalid({**btc, "symbol": " BTC"}, ("symbol", "WHITE_SPACE")),
        "DeleteAsset": _in_use(**btc),
        "ListAssets": _invalid({"page_size": 1001}, ("page_size", "OUT_OF_RANGE")),
        "SearchAssets": _invalid(
            {"query": "", "limit": -1}, ("query", "REQUIRED"), ("limit", "OUT_OF_RANGE")
        ),
        "CreateAssetDeployment": _invalid(
            {**on_chain, "contract_address": "0x1", "decimals": 37},
            *(("contract_address", "NOT_AN_ADDRESS"), ("decimals", "OUT_OF_RANGE")),
        ),
        "GetAssetDeployment": _missing("ASSET_DEPLOYMENT", deployment_id=NOBODY),
        "ListAssetDeployments": _no_id("asset_id"),
        "CreateAssetIdentifier": _exists(
            asset_id=market.eth.asset_id, source="DATA_SOURCE_COINGECKO", external_id="bitcoin"
        ),
        "GetAssetIdentifier": _missing(
            "ASSET_IDENTIFIER", **btc, source="DATA_SOURCE_COINMARKETCAP"
        ),
        "ListAssetIdentifiers": _no_id("asset_id"),
        "CreateChain": _exists(name="Ethereum", chain_type="EVM"),
        "GetChain": _missing("CHAIN", chain_id="nowhere"),
        "ListChains": _invalid({"chain_type": "a\0"}, ("chain_type", "NUL")),
    }


def _of_their_company(market: Market) -> dict[str, Bad]:
    group = {"group_id": market.group.group_id}
    return {
        # WETH wraps ETH: the way back would be a circle.
        "CreateAssetRelationship": _invalid(
            {
                "source_asset_id": market.eth.asset_id,
                "target_asset_id": market.weth.asset_id,
                "relationship_type": "RELATIONSHIP_TYPE_WRAPS",
            },
            ("target_asset_id", "CYCLE"),
        ),
        "ListAssetRelationships": _no_id("asset_id"),
        "CreateAssetGroup": _exists(name="all-eth"),
        "GetAssetGroup": _invalid({}, ("group_id", "REQUIRED")),
        "AddAssetToGroup": _invalid(
            {**group, "asset_id": NOBODY, "weight": 0.0},
            *(("asset_id", "NOT_FOUND"), ("weight", "NOT_POSITIVE")),
        ),
        "RemoveAssetFromGroup": _missing(
            "ASSET_GROUP_MEMBER", **group, asset_id=market.btc.asset_id
        ),
        "RaiseQualityFlag": _invalid(
            {"asset_id": market.eth.asset_id, "flag_type": "FLAG_TYPE_SCAM"},
            *(("severity", "REQUIRED"), ("description", "REQUIRED")),
        ),
        "ResolveQualityFlag": _missing("QUALITY_FLAG", flag_id=NOBODY, resolution_notes="x"),
        "ListQualityFlags": _no_id("asset_id"),
    }


def _of_markets(market: Market) -> dict[str, Bad]:
    at = {"venue_id": market.venue.venue_id}
    symbol = {"symbol_id": market.symbol.symbol_id}
    legs = {"base_asset_id": market.btc.asset_id, "quote_asset_id": market.usdt.asset_id}
    return {
        "CreateSymbol": _exists(symbol_type="SYMBOL_TYPE_SPOT", **legs),
        "GetSymbol": _missing("SYMBOL", symbol_id=NOBODY),
        "UpdateSymbol": _invalid(
            {**symbol, "symbol_type": "SYMBOL_TYPE_MARGIN", "tick_size": 0.0},
            *(("symbol_type", "IMMUTABLE"), ("exact.tick_size", "NOT_POSITIVE")),
        ),
        "DeleteSymbol": _in_use(**symbol),
        "ListSymbols": _invalid(_PAGE, ("page_token", "OTHER_QUERY")),
        "SearchSymbols": _invalid({"query": " "}, ("query", "WHITE_SPACE")),
        "CreateSymbolIdentifier": _exists(
            **symbol, data_source="DATA_SOURCE_GLASSNODE", external_id="btc-usdt"
        ),
        "GetSymbolIdentifier": _missing(
            "SYMBOL_IDENTIFIER", **symbol, data_source="DATA_SOURCE_MESSARI"
        ),
        "ListSymbolIdentifiers": _no_id("symbol_id"),
        "CreateVenue": _invalid(
            {"name": "Uniswap", "venue_type": "VENUE_TYPE_DEX"}, ("chain_id", "REQUIRED")
        ),
        "GetVenue": _missing("VENUE", venue_id="nowhere"),
        "ListVenues": _invalid({"chain_id": "a\0"}, ("chain_id", "NUL")),
        "CreateVenueAsset": _invalid(
            {**at, "asset_id": market.eth.asset_id, "venue_asset_symbol": "BTC"},
            ("venue_asset_symbol", "CODE_TAKEN"),
        ),
        "GetVenueAsset": _missing("VENUE_ASSET", **at, asset_id=market.weth.asset_id),
        "ListVenueAssets": _no_id("asset_id"),
        "CreateVenueSymbol": _invalid(
            {**at, **symbol, "venue_symbol": "BTC-USDT", "taker_fee": 1.5},
            ("exact.taker_fee", "OUT_OF_RANGE"),
        ),
        "GetVenueSymbol": _missing("VENUE_SYMBOL", **at, venue_symbol="btcusdt"),
        "ListVenueSymbols": _no_id("symbol_id"),
    }
