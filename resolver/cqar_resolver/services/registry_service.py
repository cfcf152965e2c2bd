"""`cqc.services.v1.AssetRegistry` as a resolver answers it: reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryServicer

from cqar_resolver.queries.execute import QueryExecutor
from cqar_resolver.queries.lists import ListCache, SnapshotListReader
from cqar_resolver.queries.registry import (
    CheckAssetTradeableQuery,
    DeploymentQuery,
    GroupQuery,
    IdentifierQuery,
    SymbolQuery,
)
from cqar_resolver.services.freshness_metadata import pinned_memory, send_freshness
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.errors import Misdirected
from cqar_shared.lists.methods import Lists
from cqar_shared.queries.entities import EntityQuery
from cqar_shared.queries.listings import GetVenueSymbolQuery
from cqar_shared.queries.query import Query
from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.error_mapping import Context

T = TypeVar("T")


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
        list_cache: Shared by all of a process's servers.
        writer: The writer's address, for the error that changes get here.
    """

    def __init__(
        self,
        executor: QueryExecutor,
        list_cache: ListCache,
        now: Callable[[], dt.datetime],
        writer: str,
    ) -> None:
        self._executor = executor
        self._list_cache = list_cache
        self.now = now
        self.writer = writer

    @asynccontextmanager
    async def reading(self, context: Context) -> AsyncIterator[SnapshotListReader]:
        with pinned_memory(self._executor, context) as (memory, _):
            yield SnapshotListReader(memory, self._list_cache, self.now)

    async def GetAsset(self, request: pb.GetAssetRequest, context: Context) -> pb.GetAssetResponse:
        return pb.GetAssetResponse(asset=await self._get(ASSET, request.asset_id, context))

    async def GetChain(self, request: pb.GetChainRequest, context: Context) -> pb.GetChainResponse:
        return pb.GetChainResponse(chain=await self._get(CHAIN, request.chain_id, context))

    async def GetSymbol(
        self, request: pb.GetSymbolRequest, context: Context
    ) -> pb.GetSymbolResponse:
        symbol = await self._answer(SymbolQuery.from_request(request), context)
        return pb.GetSymbolResponse(symbol=symbol)

    async def GetVenue(self, request: pb.GetVenueRequest, context: Context) -> pb.GetVenueResponse:
        return pb.GetVenueResponse(venue=await self._get(VENUE, request.venue_id, context))

    async def GetVenueAsset(
        self, request: pb.GetVenueAssetRequest, context: Context
    ) -> pb.GetVenueAssetResponse:
        key = f"{request.venue_id}/{request.asset_id}"
        return pb.GetVenueAssetResponse(venue_asset=await self._get(VENUE_ASSET, key, context))

    async def GetAssetDeployment(
        self, request: pb.GetAssetDeploymentRequest, context: Context
    ) -> pb.GetAssetDeploymentResponse:
        deployment = await self._answer(DeploymentQuery.from_request(request), context)
        return pb.GetAssetDeploymentResponse(deployment=deployment)

    async def GetAssetGroup(
        self, request: pb.GetAssetGroupRequest, context: Context
    ) -> pb.GetAssetGroupResponse:
        group = await self._answer(GroupQuery.from_request(request), context)
        return pb.GetAssetGroupResponse(group=group)

    async def GetAssetIdentifier(
        self, request: pb.GetAssetIdentifierRequest, context: Context
    ) -> pb.GetAssetIdentifierResponse:
        query = IdentifierQuery.of(ASSET_IDENTIFIER, request.asset_id, request.source)
        return pb.GetAssetIdentifierResponse(identifier=await self._answer(query, context))

    async def GetSymbolIdentifier(
        self, request: pb.GetSymbolIdentifierRequest, context: Context
    ) -> pb.GetSymbolIdentifierResponse:
        query = IdentifierQuery.of(SYMBOL_IDENTIFIER, request.symbol_id, request.data_source)
        return pb.GetSymbolIdentifierResponse(identifier=await self._answer(query, context))

    async def GetVenueSymbol(
        self, request: pb.GetVenueSymbolRequest, context: Context
    ) -> pb.GetVenueSymbolResponse:
        return await self._answer(GetVenueSymbolQuery.from_request(request, self.now()), context)

    async def CheckAssetTradeable(
        self, request: pb.CheckAssetTradeableRequest, context: Context
    ) -> pb.CheckAssetTradeableResponse:
        return await self._answer(CheckAssetTradeableQuery.from_request(request), context)

    async def _get(self, kind: AnyKind, key: str, context: Context) -> Any:
        return await self._answer(EntityQuery.of(kind, key), context)

    async def _answer(self, query: Query[T], context: Context) -> T:
        result = await self._executor.execute(query, caller_of(context))
        send_freshness(result.freshness, context)
        return result.get()
