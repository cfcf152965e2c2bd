"""`cqc.services.v1.AssetRegistry`: every kind's methods joined into one service."""

from __future__ import annotations

from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer

from cqar_writer.services.assets import Assets
from cqar_writer.services.chains import Chains
from cqar_writer.services.deployments import Deployments
from cqar_writer.services.flags import Flags
from cqar_writer.services.groups import Groups
from cqar_writer.services.identifiers import Identifiers
from cqar_writer.services.symbols import Symbols
from cqar_writer.services.venue_symbols import VenueSymbols
from cqar_writer.services.venues import Venues


class AssetRegistryService(
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
