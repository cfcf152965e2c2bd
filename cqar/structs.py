"""The registry's entities as structs, for `cqar.Writer.apply`: each is one immutable value."""

from __future__ import annotations

from cqar_shared.domain.kinds.asset import Asset, FormerName
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_group import AssetGroup, GroupMember
from cqar_shared.domain.kinds.asset_identifier import AssetIdentifier
from cqar_shared.domain.kinds.asset_relationship import AssetRelationship
from cqar_shared.domain.kinds.chain import Chain
from cqar_shared.domain.kinds.quality_flag import QualityFlag
from cqar_shared.domain.kinds.symbol import Symbol
from cqar_shared.domain.kinds.symbol_identifier import SymbolIdentifier
from cqar_shared.domain.kinds.venue import Venue
from cqar_shared.domain.kinds.venue_asset import AssetNetwork, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import ListingPhase, ListingTickBand, VenueSymbol

__all__ = [
    "Asset",
    "AssetDeployment",
    "AssetGroup",
    "AssetIdentifier",
    "AssetNetwork",
    "AssetRelationship",
    "Chain",
    "FormerName",
    "GroupMember",
    "ListingPhase",
    "ListingTickBand",
    "QualityFlag",
    "Symbol",
    "SymbolIdentifier",
    "Venue",
    "VenueAsset",
    "VenueSymbol",
]
