"""Quality flags, and whether an asset may be traded."""

from __future__ import annotations

from typing import Any

import msgspec
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.codec.request_validation import require_id
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG, QualityFlag
from cqar_shared.domain.verdicts import blocks
from cqar_shared.lists.filters import passes_all, require_storable
from cqar_shared.lists.methods import flag_filters, paged
from cqar_shared.lists.paging import ListPage, require_whole
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.reads.cached import MessageReader
from cqar_writer.services.rpc_methods import RpcMethods


class Flags(RpcMethods):
    async def RaiseQualityFlag(
        self, request: pb.RaiseQualityFlagRequest, context: Context
    ) -> pb.RaiseQualityFlagResponse:
        renamed = {"description": "reason"}
        message: Any = like(QUALITY_FLAG, request, renamed)
        message.source = request.source or request.raised_by or auth.caller.get().actor
        flag, revision = await self.create(QUALITY_FLAG, message, request, context, renamed)
        return pb.RaiseQualityFlagResponse(flag=flag, revision=revision)

    async def ResolveQualityFlag(
        self, request: pb.ResolveQualityFlagRequest, context: Context
    ) -> pb.ResolveQualityFlagResponse:
        who = request.resolved_by or auth.caller.get().actor

        def resolve(flag: QualityFlag) -> QualityFlag:
            return msgspec.structs.replace(
                flag,
                resolved_by=who,
                resolution_notes=request.resolution_notes or None,
                # Resolving twice must be seen as a change, to be refused.
                resolved_at=self.now(),
            )

        flag, revision = await self.evolve(QUALITY_FLAG, request.flag_id, resolve, request, context)
        return pb.ResolveQualityFlagResponse(flag=flag, revision=revision)

    async def ListQualityFlags(
        self, request: pb.ListQualityFlagsRequest, context: Context
    ) -> pb.ListQualityFlagsResponse:
        """List flags; Redis can answer a request for all flags of one asset."""
        if not request.asset_id or request.flag_type or request.page_size or request.page_token:
            return await super().ListQualityFlags(request, context)
        wanted = flag_filters(request)
        require_storable(QUALITY_FLAG, wanted)

        async def find(reader: MessageReader) -> list[Any]:
            flags = await reader.find(QUALITY_FLAG, "asset", request.asset_id)
            if not flags:
                # An asset without flags may not exist, or may have been merged into another one.
                asset = await reader.get(ASSET, request.asset_id)
                if asset.merged_into:
                    flags = await reader.find(QUALITY_FLAG, "asset", asset.merged_into)
            return flags

        flags = await self.read(context, find)
        wanted = [each for each in wanted if each.field != "asset_id"]
        flags = [flag for flag in flags if passes_all(wanted, flag)]
        require_whole(len(flags))
        return paged(pb.ListQualityFlagsResponse(flags=flags), ListPage(flags, "", len(flags)))

    async def CheckAssetTradeable(
        self, request: pb.CheckAssetTradeableRequest, context: Context
    ) -> pb.CheckAssetTradeableResponse:
        require_id("asset_id", request.asset_id)
        async with self.reading(context) as reading:
            asset = await reading.get(ASSET, request.asset_id)
            current_id = asset.merged_into or request.asset_id
            flags = await reading.find(QUALITY_FLAG, "asset", current_id)
        blocking = [flag for flag in flags if blocks(flag)]
        return pb.CheckAssetTradeableResponse(tradeable=not blocking, blocking_flags=blocking)
