"""`cqc.services.v1.AssetRegistry`: every kind's methods joined into one service."""

from __future__ import annotations

from typing import Any

from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer

from shared.errors import Unimplemented
from writer.services.assets import Assets
from writer.services.chains import Chains
from writer.services.deployments import Deployments
from writer.services.flags import Flags
from writer.services.groups import Groups
from writer.services.identifiers import Identifiers
from writer.services.symbols import Symbols
from writer.services.venue_symbols import VenueSymbols
from writer.services.venues import Venues


async def _unanswered(_: Any, __: Any, ___: Any) -> Any:
    raise Unimplemented("this release does not answer this method")


class Unanswered:
    """Methods of the contract whose kinds are not here yet; a test pins this list."""

    SearchAssets = _unanswered
    SearchSymbols = _unanswered


class Registry(
    Assets,
    Chains,
    Deployments,
    Identifiers,
    Groups,
    Flags,
    Symbols,
    Venues,
    VenueSymbols,
    Unanswered,
    AssetRegistryServicer,
):
    pass
