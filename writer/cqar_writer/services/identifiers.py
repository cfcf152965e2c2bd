"""Identifiers: the names of assets and symbols at data sources."""

from __future__ import annotations

from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.codec.request_validation import require_id
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.tradeability import primary_identifier
from cqar_shared.lists.merged_filters import current_id
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods


class Identifiers(RpcMethods):
    async def CreateAssetIdentifier(
        self, request: pb.CreateAssetIdentifierRequest, context: Context
    ) -> pb.CreateAssetIdentifierResponse:
        message = like(ASSET_IDENTIFIER, request)
        identifier, revision = await self.create(ASSET_IDENTIFIER, message, request, context)
        return pb.CreateAssetIdentifierResponse(identifier=identifier, revision=revision)

    async def GetAssetIdentifier(
        self, request: pb.GetAssetIdentifierRequest, context: Context
    ) -> pb.GetAssetIdentifierResponse:
        owner, source = request.asset_id, request.source
        identifier = await self._primary(ASSET_IDENTIFIER, owner, source, context)
        return pb.GetAssetIdentifierResponse(identifier=identifier)

    async def CreateSymbolIdentifier(
        self, request: pb.CreateSymbolIdentifierRequest, context: Context
    ) -> pb.CreateSymbolIdentifierResponse:
        message = like(SYMBOL_IDENTIFIER, request)
        identifier, revision = await self.create(SYMBOL_IDENTIFIER, message, request, context)
        return pb.CreateSymbolIdentifierResponse(identifier=identifier, revision=revision)

    async def GetSymbolIdentifier(
        self, request: pb.GetSymbolIdentifierRequest, context: Context
    ) -> pb.GetSymbolIdentifierResponse:
        owner, source = request.symbol_id, request.data_source
        identifier = await self._primary(SYMBOL_IDENTIFIER, owner, source, context)
        return pb.GetSymbolIdentifierResponse(identifier=identifier)

    async def _primary(self, kind: AnyKind, owner: str, source: int, context: Context) -> Any:
        """Return a source's primary identifier, or its only one.

        Raises:
            EntityNotFound: there is none, or none of several is primary.
        """
        owner_kind = KIND_BY_NAME[kind.name.removesuffix("_identifier")]
        require_id(f"{owner_kind.name}_id", owner)
        async with self.reading(context) as reading:
            owner = await current_id(reading, owner_kind, owner)
            identifiers = await reading.find(kind, "source", owner, source)
        return primary_identifier(kind.name, owner, identifiers)
