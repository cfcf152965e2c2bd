"""`cqc.services.v1.AssetRegistry` as a resolver answers it: reads from memory, no changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer
from google.protobuf.message import Message

from cqar_resolver.fallback.read_path import ReadPath
from cqar_resolver.queries import as_of_listing, resolve_listing
from cqar_resolver.queries.lists import ListCache, MemoryReading
from cqar_resolver.queries.query import Query, QueryContext
from cqar_resolver.queries.resolve_listing import require_spelling
from cqar_shared.codec.request_validation import as_of_instant, require_id, require_key, require_one
from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.errors import Misdirected, ServiceNotReady
from cqar_shared.lists.methods import Lists
from cqar_shared.rpc.error_mapping import Context


async def _misdirected(self: Any, _: Any, __: Any) -> Any:
    raise Misdirected(f"a resolver changes and searches nothing: ask {self.writer}")


class WriterOnlyMethods:
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


class RegistryReads(WriterOnlyMethods, Lists, AssetRegistryServicer):
    """Answers carry their freshness in trailing metadata.

    Args:
        writer: The writer's address, for the error that changes get here.
    """

    def __init__(
        self, tiers: ReadPath, scans: ListCache, now: Callable[[], dt.datetime], writer: str
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

        def work(basis: QueryContext) -> Any:
            return resolve_listing.deployment(basis.reading, request.deployment_id)

        found = await self._answer("GetAssetDeployment", request, work, context)
        return pb.GetAssetDeploymentResponse(deployment=found)

    async def GetAssetGroup(
        self, request: pb.GetAssetGroupRequest, context: Context
    ) -> pb.GetAssetGroupResponse:
        require_one(request, "group_id", "name")
        if request.group_id:
            group = await self._get(ASSET_GROUP, request.group_id, request, context)
            return pb.GetAssetGroupResponse(group=group)

        def work(basis: QueryContext) -> Any:
            return resolve_listing.require_found(basis.reading, ASSET_GROUP, "name", request.name)

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

        def work(basis: QueryContext) -> Any:
            # All the owner's: lists have that index too, and there are a few at most.
            found = resolve_listing.find(basis.reading, kind, of, owner)
            named = [identifier for identifier in found if getattr(identifier, field) == source]
            return tradeability.primary_identifier(kind.name, owner, named)

        return await self._answer(f"Get{kind.message.DESCRIPTOR.name}", request, work, context)

    async def GetVenueSymbol(
        self, request: pb.GetVenueSymbolRequest, context: Context
    ) -> pb.GetVenueSymbolResponse:
        require_spelling(request.venue_id, request.venue_symbol)
        at, now = as_of_instant(request, self.now()), Instant.of(self.now())

        def work(basis: QueryContext) -> pb.GetVenueSymbolResponse:
            place = request.venue_id, request.venue_symbol
            if at is not None:
                return as_of_listing.venue_symbol(basis, *place, at)
            listing, terms = resolve_listing.listing_and_terms(basis.reading, *place, now)
            symbol = resolve_listing.require(basis.reading, SYMBOL, listing.symbol_id)
            return pb.GetVenueSymbolResponse(
                venue_symbol=tradeability.effective_listing(listing, terms, now),
                symbol=tradeability.fill_steps(symbol, terms),
            )

        found = await self._answer("GetVenueSymbol", request, work, context)
        answer: pb.GetVenueSymbolResponse = found
        return answer

    async def CheckAssetTradeable(
        self, request: pb.CheckAssetTradeableRequest, context: Context
    ) -> pb.CheckAssetTradeableResponse:
        """That it may be traded is said only by who is sure; a flag that is known counts always."""
        require_id("asset_id", request.asset_id)

        def work(basis: QueryContext) -> pb.CheckAssetTradeableResponse:
            resolve_listing.require(basis.reading, ASSET, request.asset_id)
            flags = resolve_listing.find(basis.reading, QUALITY_FLAG, "asset", request.asset_id)
            blocking = [flag for flag in flags if tradeability.blocks(flag)]
            if basis.stale is not None and not blocking:
                raise ServiceNotReady(
                    f"no flag is known that forbids it, but {basis.stale.message}"
                )
            blocking.sort(key=lambda flag: flag.flag_id)
            return pb.CheckAssetTradeableResponse(tradeable=not blocking, blocking_flags=blocking)

        found = await self._answer("CheckAssetTradeable", request, work, context)
        answer: pb.CheckAssetTradeableResponse = found
        return answer

    async def _get(self, kind: AnyKind, key: str, request: Message, context: Context) -> Any:
        require_key(kind, key)

        def work(basis: QueryContext) -> Any:
            return resolve_listing.require(basis.reading, kind, key)

        return await self._answer(f"Get{kind.message.DESCRIPTOR.name}", request, work, context)

    async def _answer(self, rpc: str, request: Message, work: Query[Any], context: Context) -> Any:
        found, _ = await self._tiers.answer(rpc, request, work, context)
        return found
