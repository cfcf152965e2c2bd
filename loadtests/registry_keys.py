"""What there is to ask about: real keys, from the lists of the server that is to be loaded."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any, Final, NamedTuple

from cqc.assets.v1 import identifier_pb2
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection

#: Of each kind. A registry of a million listings is not read whole before each run.
KEYS_MAX: Final = 5_000


class Listing(NamedTuple):
    venue_id: str
    venue_symbol: str
    symbol_id: str
    listing_id: str


class Code(NamedTuple):
    """What a venue calls an asset."""

    venue_id: str
    code: str
    asset_id: str


class Identifier(NamedTuple):
    asset_id: str
    source: identifier_pb2.DataSource.ValueType
    external_id: str


class Keys(NamedTuple):
    """Empty where the registry has none.

    Attributes:
        assets: Ids.
        tickers: What assets are searched by.
        groups: Ids.
        related: Ids of assets that stand in some relationship.
        identifiers: Those that GetAssetIdentifier answers with: primary, or the only one.
    """

    listings: list[Listing]
    assets: list[str]
    tickers: list[str]
    codes: list[Code]
    groups: list[str]
    related: list[str]
    identifiers: list[Identifier]


def ask_keys(server: Connection) -> Keys:
    """Ask a writer or a resolver what it has.

    Raises:
        CallFailed: It refused or did not answer.
    """
    registry = server.registry

    def read(method: Any, request: Any, field: str) -> list[Any]:
        return list(islice(pagination.entities(server, method, request, field), KEYS_MAX))

    assets = read(registry.ListAssets, pb.ListAssetsRequest(), "assets")
    groups = read(registry.ListAssetGroups, pb.ListAssetGroupsRequest(), "groups")
    relationships = read(
        registry.ListAssetRelationships, pb.ListAssetRelationshipsRequest(), "relationships"
    )
    return Keys(
        listings=[
            Listing(found.venue_id, found.venue_symbol, found.symbol_id, found.listing_id)
            for found in read(
                registry.ListVenueSymbols, pb.ListVenueSymbolsRequest(), "venue_symbols"
            )
        ],
        assets=[asset.asset_id for asset in assets],
        tickers=sorted({asset.symbol for asset in assets}),
        codes=[
            Code(found.venue_id, found.venue_asset_symbol, found.asset_id)
            for found in read(registry.ListVenueAssets, pb.ListVenueAssetsRequest(), "venue_assets")
            # One that ended may mean something else now.
            if not found.HasField("delisted_at")
        ],
        groups=[group.group_id for group in groups],
        related=[relationship.to_asset_id for relationship in relationships],
        identifiers=_telling(
            read(registry.ListAssetIdentifiers, pb.ListAssetIdentifiersRequest(), "identifiers")
        ),
    )


def _telling(identifiers: list[identifier_pb2.AssetIdentifier]) -> list[Identifier]:
    names = Counter((found.asset_id, found.source) for found in identifiers)
    return [
        Identifier(found.asset_id, found.source, found.external_id)
        for found in identifiers
        if found.is_primary or names[found.asset_id, found.source] == 1
    ]
