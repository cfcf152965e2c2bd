"""`cqc.services.v1.AssetRegistry` as a resolver answers it: reads from memory, no changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer
from google.protobuf.message import Message

from resolver import answers, past
from resolver.listing import MemoryReading, Scans
from resolver.reading import Basis, Work
from resolver.resolutions import require_spelling
from resolver.tiers import Tiers
from shared import as_of, resolution
from shared.entities.asset import ASSET
from shared.entities.asset_group import ASSET_GROUP
from shared.entities.asset_identifier import ASSET_IDENTIFIER
from shared.entities.chain import CHAIN
from shared.entities.quality_flag import QUALITY_FLAG
from shared.entities.symbol import SYMBOL
from shared.entities.symbol_identifier import SYMBOL_IDENTIFIER
from shared.entities.venue import VENUE
from shared.entities.venue_asset import VENUE_ASSET
from shared.errors import Misdirected, NotReady
from shared.grpc_errors import Context
from shared.instant import Instant
from shared.keys import require_id, require_key, require_one
from shared.kind import AnyKind
from shared.lists import Lists


async def _misdirected(self: Any, _: Any, __: Any) -> Any:
    raise Misdirected(f"a resolver changes and searches nothing: ask {self.writer}")


class Elsewhere:
    """Methods that a resolver does not answer: changes and searches are the writer's."""

    writer: str

    AddAssetToGroup = _misdirected
    CreateAsset = _misdirected
    CreateAssetDeployment = _misdirected
    CreateAssetGroup = _misdirected
    CreateAssetIdentifier = _misdirected
    CreateAssetRelationship = _misdirected
    CreateChain = _misdirected
    CreateSymbol = _misdirected
    CreateSymbolIdentifier = _misdirected
    CreateVenue = _misdirected
    CreateVenueAsset = _misdirected
    CreateVenueSymbol = _misdirected
    DeleteAsset = _misdirected
    DeleteAssetRelationship = _misdirected
    DeleteSymbol = _misdirected
    DelistVenueAsset = _misdirected
    DelistVenueSymbol = _misdirected
    RaiseQualityFlag = _misdirected
    RemoveAssetFromGroup = _misdirected
    ResolveQualityFlag = _misdirected
    SearchAssets = _misdirected
    SearchSymbols = _misdirected
    UpdateAsset = _misdirected
    UpdateChain = _misdirected
    UpdateSymbol = _misdirected
    UpdateVenue = _misdirected
    UpdateVenueAsset = _misdirected
    UpdateVenueSymbol = _misdirected


class RegistryReads(Elsewhere, Lists, AssetRegistryServicer):
    """Answers carry their freshness in trailing metadata.

    Args:
        writer: The writer's address, for the error that changes get here.
    """

    def __init__(
        self, tiers: Tiers, scans: Scans, now: Callable[[], dt.datetime], writer: str
    ) -> None:
        self._tiers = tiers
        self._scans = scans
        self.now = now
        self.writer = writer

    @asynccontextmanager
    async def reading(self, context: Context) -> AsyncIterator[MemoryReading]:
        with self._tiers.pinned(context) as (pinned, _):
            yield MemoryReading(pinned, self._scans, self.now)

    async def GetAsset(self, request: pb.GetAssetRequest, context: Context) -> pb.GetAssetResponse:
        asset = await self._get(ASSET, request.asset_id, request, context)
        return pb.GetAssetResponse(asset=asset)

    async def GetChain(self, request: pb.GetChainRequest, context: Context) -> pb.GetChainResponse:
        chain = await self._get(CHAIN, request.chain_id, request, context)
        return pb.GetChainResponse(chain=chain)

    async def GetSymbol(
        self, request: pb.GetSymbolRequest, context: Context
    ) -> pb.GetSymbolResponse:
        symbol = await self._get(SYMBOL, request.symbol_id, request, context)
        return pb.GetSymbolResponse(symbol=symbol)

    async def GetVenue(self, request: pb.GetVenueRequest, context: Context) -> pb.GetVenueResponse:
        venue = await self._get(VENUE, request.venue_id, request, context)
        return pb.GetVenueResponse(venue=venue)

    async def GetVenueAsset(
        self, request: pb.GetVenueAssetRequest, context: Context
    ) -> pb.GetVenueAssetResponse:
        key = f"{request.venue_id}/{request.asset_id}"
        venue_asset = await self._get(VENUE_ASSET, key, request, context)
        return pb.GetVenueAssetResponse(venue_asset=venue_asset)

    async def GetAssetDeployment(
        self, request: pb.GetAssetDeploymentRequest, context: Context
    ) -> pb.GetAssetDeploymentResponse:
        require_id("deployment_id", request.deployment_id)

        def work(basis: Basis) -> Any:
            return answers.deployment(basis.reading, request.deployment_id)

        found = await self._answer("GetAssetDeployment", request, work, context)
        return pb.GetAssetDeploymentResponse(deployment=found)

    async def GetAssetGroup(
        self, request: pb.GetAssetGroupRequest, context: Context
    ) -> pb.GetAssetGroupResponse:
        require_one(request, "group_id", "name")
        if request.group_id:
            group = await self._get(ASSET_GROUP, request.group_id, request, context)
            return pb.GetAssetGroupResponse(group=group)

        def work(basis: Basis) -> Any:
            return answers.require_found(basis.reading, ASSET_GROUP, "name", request.name)

        group = await self._answer("GetAssetGroup", request, work, context)
        return pb.GetAssetGroupResponse(group=group)

    async def GetAssetIdentifier(
        self, request: pb.GetAssetIdentifierRequest, context: Context
    ) -> pb.GetAssetIdentifierResponse:
        owner, source = request.asset_id, request.source
        found = await self._identifier(ASSET_IDENTIFIER, owner, source, request, context)
        return pb.GetAssetIdentifierResponse(identifier=found)

    async def GetSymbolIdentifier(
        self, request: pb.GetSymbolIdentifierRequest, context: Context
    ) -> pb.GetSymbolIdentifierResponse:
        owner, source = request.symbol_id, request.data_source
        found = await self._identifier(SYMBOL_IDENTIFIER, owner, source, request, context)
        return pb.GetSymbolIdentifierResponse(identifier=found)

    async def _identifier(
        self, kind: AnyKind, owner: str, source: int, request: Message, context: Context
    ) -> Any:
        of = kind.name.removesuffix("_identifier")
        require_id(f"{of}_id", owner)
        _, field = kind.lookups["source"].columns

        def work(basis: Basis) -> Any:
            # All the owner's: lists have that index too, and there are a few at most.
            found = answers.find(basis.reading, kind, of, owner)
            named = [identifier for identifier in found if getattr(identifier, field) == source]
            return resolution.primary_identifier(kind.name, owner, named)

        return await self._answer(f"Get{kind.message.DESCRIPTOR.name}", request, work, context)

    async def GetVenueSymbol(
        self, request: pb.GetVenueSymbolRequest, context: Context
    ) -> pb.GetVenueSymbolResponse:
        require_spelling(request.venue_id, request.venue_symbol)
        at, now = as_of.asked(request, self.now()), Instant.of(self.now())

        def work(basis: Basis) -> pb.GetVenueSymbolResponse:
            place = request.venue_id, request.venue_symbol
            if at is not None:
                return past.venue_symbol(basis, *place, at)
            listing, terms = answers.listing_and_terms(basis.reading, *place, now)
            symbol = answers.require(basis.reading, SYMBOL, listing.symbol_id)
            return pb.GetVenueSymbolResponse(
                venue_symbol=resolution.as_of_now(listing, terms, now),
                symbol=resolution.fill_steps(symbol, terms),
            )

        found = await self._answer("GetVenueSymbol", request, work, context)
        answer: pb.GetVenueSymbolResponse = found
        return answer

    async def CheckAssetTradeable(
        self, request: pb.CheckAssetTradeableRequest, context: Context
    ) -> pb.CheckAssetTradeableResponse:
        """That it may be traded is said only by who is sure; a flag that is known counts always."""
        require_id("asset_id", request.asset_id)

        def work(basis: Basis) -> pb.CheckAssetTradeableResponse:
            answers.require(basis.reading, ASSET, request.asset_id)
            flags = answers.find(basis.reading, QUALITY_FLAG, "asset", request.asset_id)
            blocking = [flag for flag in flags if resolution.blocks(flag)]
            if basis.stale is not None and not blocking:
                raise NotReady(f"no flag is known that forbids it, but {basis.stale.message}")
            blocking.sort(key=lambda flag: flag.flag_id)
            return pb.CheckAssetTradeableResponse(tradeable=not blocking, blocking_flags=blocking)

        found = await self._answer("CheckAssetTradeable", request, work, context)
        answer: pb.CheckAssetTradeableResponse = found
        return answer

    async def _get(self, kind: AnyKind, key: str, request: Message, context: Context) -> Any:
        require_key(kind, key)

        def work(basis: Basis) -> Any:
            return answers.require(basis.reading, kind, key)

        return await self._answer(f"Get{kind.message.DESCRIPTOR.name}", request, work, context)

    async def _answer(self, rpc: str, request: Message, work: Work[Any], context: Context) -> Any:
        found, _ = await self._tiers.answer(rpc, request, work, context)
        return found
