"""What an asset or a symbol is called elsewhere, gathered from a resolver as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cqc.assets.v1 import identifier_pb2
from cqc.markets.v1 import identifier_pb2 as symbol_identifier_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf import json_format

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.nouns.field_names import enum_word
from cqar_shared.domain import caip

#: A document of plain values, as `--json` prints it.
Document = dict[str, Any]
_ASSET_SOURCES = identifier_pb2.DataSource.DESCRIPTOR
_SYMBOL_SOURCES = symbol_identifier_pb2.DataSource.DESCRIPTOR


def asset_document(connection: Connection, by: rpb.ResolveAssetRequest) -> Document:
    """An asset with its identifiers, deployments by CAIP-19 and codes by venue.

    Raises:
        CallFailed: no asset is named so, or the resolver did not answer.
    """
    registry = connection.registry
    answer = connection.call(connection.resolver.ResolveAsset, by)
    asset_id = answer.asset.asset_id
    identifiers = pagination.entities(
        connection,
        registry.ListAssetIdentifiers,
        pb.ListAssetIdentifiersRequest(asset_id=asset_id),
        "identifiers",
    )
    codes = pagination.entities(
        connection,
        registry.ListVenueAssets,
        pb.ListVenueAssetsRequest(asset_id=asset_id),
        "venue_assets",
    )
    chains = pagination.entities(connection, registry.ListChains, pb.ListChainsRequest(), "chains")
    return {
        "asset": _plain(answer.asset),
        "identifiers": [
            _identifier(enum_word(_ASSET_SOURCES, each.source), each) for each in identifiers
        ],
        "deployments": deployments_of(asset_id, answer.deployments, chains),
        "codes": [_code(each) for each in codes],
    }


def symbol_document(connection: Connection, symbol: Any) -> Document:
    """A symbol with its identifiers and its spellings by venue.

    Raises:
        CallFailed: the resolver did not answer.
    """
    symbol_id = symbol.symbol_id
    identifiers = pagination.entities(
        connection,
        connection.registry.ListSymbolIdentifiers,
        pb.ListSymbolIdentifiersRequest(symbol_id=symbol_id),
        "identifiers",
    )
    request = rpb.FindVenueSymbolsRequest(symbol_id=symbol_id)
    found = connection.call(connection.resolver.FindVenueSymbols, request)
    return {
        "symbol": _plain(symbol),
        "identifiers": [
            _identifier(enum_word(_SYMBOL_SOURCES, each.data_source), each) for each in identifiers
        ],
        "spellings": [
            {"venue_id": each.venue_id, "venue_symbol": each.venue_symbol}
            for each in found.venue_symbols
        ],
    }


def owners_document(connection: Connection, source: int, external_id: str) -> Document:
    """All assets and symbols that share an identifier: a class (CFI) or a market (MIC).

    Raises:
        CallFailed: the resolver did not answer.
    """
    registry = connection.registry
    asset_ids = pagination.entities(
        connection,
        registry.ListAssetIdentifiers,
        pb.ListAssetIdentifiersRequest(source=source, external_id=external_id),  # type: ignore[arg-type]
        "identifiers",
    )
    symbol_ids = pagination.entities(
        connection,
        registry.ListSymbolIdentifiers,
        pb.ListSymbolIdentifiersRequest(data_source=source, external_id=external_id),  # type: ignore[arg-type]
        "identifiers",
    )
    assets = [
        connection.call(registry.GetAsset, pb.GetAssetRequest(asset_id=each.asset_id)).asset
        for each in asset_ids
    ]
    symbols = [
        connection.call(registry.GetSymbol, pb.GetSymbolRequest(symbol_id=each.symbol_id)).symbol
        for each in symbol_ids
    ]
    return {"assets": list(map(_plain, assets)), "symbols": list(map(_plain, symbols))}


def deployments_of(
    asset_id: str, deployments: Iterable[Any], chains: Iterable[Any]
) -> list[Document]:
    """The deployments of an asset, each with its name by CAIP-19 where it has one.

    Args:
        deployments: Messages of the asset's deployments.
        chains: Messages of all chains; those whose own coin it is count as deployments, too.
    """
    by_id = {chain.chain_id: chain for chain in chains}
    own = [chain for chain in by_id.values() if chain.native_asset_id == asset_id]
    homes = [named for chain in own if (named := _chain2(chain)) is not None]
    rows = [_deployment(by_id.get(each.chain_id), each, homes) for each in deployments]
    listed = {row["chain_id"] for row in rows if row["address"] is None}
    rows += [
        {"caip19": _native(chain, homes), "chain_id": chain.chain_id, "address": None}
        for chain in own
        if chain.chain_id not in listed
    ]
    return sorted(rows, key=lambda row: (row["chain_id"], row["address"] or ""))


def _deployment(chain: Any | None, deployment: Any, homes: list[caip.Chain2]) -> Document:
    address = deployment.address if deployment.HasField("address") else None
    named: str | None = None
    if chain is not None and not address:
        named = _native(chain, homes)
    elif chain is not None and address and (chain2 := _chain2(chain)) is not None:
        asset = caip.asset_at(chain2, address)
        named = None if asset is None else str(asset)
    return {
        "caip19": named,
        "chain_id": deployment.chain_id,
        "address": address,
        "decimals": deployment.decimals,
    }


def _native(chain: Any, homes: list[caip.Chain2]) -> str | None:
    chain2 = _chain2(chain)
    named = None if chain2 is None else caip.native_coin(chain2, homes)
    return None if named is None else str(named)


def _chain2(chain: Any) -> caip.Chain2 | None:
    return caip.chain_of(chain.chain_type, chain.network_id or None, chain.caip2 or None)


def _identifier(word: str, message: Any) -> Document:
    return {"source": word, "external_id": message.external_id, "is_primary": message.is_primary}


def _code(message: Any) -> Document:
    plain = _plain(message)
    return {
        "venue_id": message.venue_id,
        "code": message.venue_asset_symbol,
        "other_codes": list(message.other_codes),
        "listed_at": plain.get("listed_at"),
        "delisted_at": plain.get("delisted_at"),
    }


def _plain(message: Any) -> Document:
    plain: Document = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return plain
