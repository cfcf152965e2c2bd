"""`cqc.services.v1.AssetRegistry`: every kind's methods joined into one service."""

from __future__ import annotations

from typing import Any

from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer

from shared.errors import Unimplemented
from writer.services.assets import Assets
from writer.services.chains import Chains
from writer.services.symbols import Symbols
from writer.services.venue_symbols import VenueSymbols
from writer.services.venues import Venues


async def _unanswered(_: Any, __: Any, ___: Any) -> Any:
    raise Unimplemented("this release does not answer this method")


class Unanswered:
    """Methods of the contract whose kinds are not here yet; a test pins this list."""

    AddAssetToGroup = _unanswered
    CheckAssetTradeable = _unanswered
    CreateAssetDeployment = _unanswered
    CreateAssetGroup = _unanswered
    CreateAssetIdentifier = _unanswered
    CreateSymbolIdentifier = _unanswered
    GetAssetDeployment = _unanswered
    GetAssetGroup = _unanswered
    GetAssetIdentifier = _unanswered
    GetSymbolIdentifier = _unanswered
    ListAssetDeployments = _unanswered
    ListAssetGroups = _unanswered
    ListAssetIdentifiers = _unanswered
    ListQualityFlags = _unanswered
    ListSymbolIdentifiers = _unanswered
    RaiseQualityFlag = _unanswered
    RemoveAssetFromGroup = _unanswered
    ResolveQualityFlag = _unanswered
    SearchAssets = _unanswered
    SearchSymbols = _unanswered


class Registry(Assets, Chains, Symbols, Venues, VenueSymbols, Unanswered, AssetRegistryServicer):
    pass
