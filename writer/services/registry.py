"""`cqc.services.v1.AssetRegistry`: every kind's methods joined into one service."""

from __future__ import annotations

from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer

from writer.services.assets import Assets
from writer.services.chains import Chains
from writer.services.deployments import Deployments
from writer.services.flags import Flags
from writer.services.groups import Groups
from writer.services.identifiers import Identifiers
from writer.services.symbols import Symbols
from writer.services.venue_symbols import VenueSymbols
from writer.services.venues import Venues


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
    AssetRegistryServicer,
):
    pass
