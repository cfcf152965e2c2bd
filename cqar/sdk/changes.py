"""What `watch` yields: change sets as they become visible, and heartbeats in between."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec
from cqc.assets.v1 import (
    asset_pb2,
    chain_pb2,
    deployment_pb2,
    group_pb2,
    identifier_pb2,
    quality_flag_pb2,
    relationship_pb2,
)
from cqc.markets.v1 import identifier_pb2 as symbol_identifier_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.venues.v1 import venue_asset_pb2, venue_facts_pb2, venue_pb2, venue_symbol_pb2
from google.protobuf.message import Message

from cqar.sdk.results import Freshness

#: Kind -> the contract's message type.
MESSAGES: Final[dict[str, type[Message]]] = {
    "asset": asset_pb2.Asset,
    "asset_deployment": deployment_pb2.AssetDeployment,
    "asset_group": group_pb2.AssetGroup,
    "asset_identifier": identifier_pb2.AssetIdentifier,
    "asset_relationship": relationship_pb2.AssetRelationship,
    "chain": chain_pb2.Chain,
    "quality_flag": quality_flag_pb2.AssetQualityFlag,
    "symbol": symbol_pb2.Symbol,
    "symbol_identifier": symbol_identifier_pb2.SymbolIdentifier,
    "venue": venue_pb2.Venue,
    "venue_asset": venue_asset_pb2.VenueAsset,
    "venue_facts": venue_facts_pb2.VenueFacts,
    "venue_symbol": venue_symbol_pb2.VenueSymbol,
}


class Change(msgspec.Struct, frozen=True):
    """One entity's new state, or its deletion.

    Attributes:
        kind: Such as venue_symbol.
        payload: The entity as the contract's serialised message; empty if it is deleted.
        archived: The entity left the resolver's memory, and is not deleted.
    """

    kind: str
    key: str
    payload: bytes
    deleted: bool
    archived: bool

    def message(self) -> Any:
        """The entity as the contract's message.

        Raises:
            ValueError: The entity is deleted.
        """
        if self.deleted:
            raise ValueError(f"{self.kind} {self.key} is deleted: there is nothing to read")
        return MESSAGES[self.kind].FromString(self.payload)


class ChangeSet(msgspec.Struct, frozen=True):
    """The changes of one revision, as far as they were asked for."""

    epoch: int
    revision: int
    committed_at: dt.datetime
    actor: str
    reason: str
    changes: tuple[Change, ...]


class Update(msgspec.Struct, frozen=True):
    """A change set, or a heartbeat, whose `change_set` is None; one a second at least."""

    change_set: ChangeSet | None
    freshness: Freshness
