"""Quality flags, and whether an asset may be traded."""

from __future__ import annotations

from typing import Any

import msgspec
from cqc.assets.v1 import quality_flag_pb2
from cqc.services.v1 import asset_registry_pb2 as pb

from shared import auth
from shared.codec import like
from shared.entities.asset import ASSET
from shared.entities.quality_flag import QUALITY_FLAG, QualityFlag
from shared.grpc_errors import Context
from shared.keys import require_id
from writer.filters import at_least, equal, only_unset, require_storable
from writer.reads import Page, require_whole
from writer.services.ground import Ground

CRITICAL = quality_flag_pb2.FLAG_SEVERITY_CRITICAL


class Flags(Ground):
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
        wanted = [
            *equal({"asset_id": request.asset_id, "flag_type": request.flag_type}),
            *at_least("min_severity", request.min_severity, "severity"),
        ]
        if not request.include_resolved:
            wanted.append(only_unset("include_resolved", "resolved_at"))
        if request.asset_id and not (request.flag_type or request.page_size or request.page_token):
            require_storable(QUALITY_FLAG, wanted)
            page = await self._whole(request, context)
        else:
            page = await self.page(QUALITY_FLAG, request, wanted, context)
        return pb.ListQualityFlagsResponse(
            flags=page.messages, next_page_token=page.next_token, total_count=page.total
        )

    async def _whole(self, request: pb.ListQualityFlagsRequest, context: Context) -> Page:
        """All flags of an asset that are asked for: the list that Redis may answer."""
        found = await self.read(
            context, lambda reader: reader.find(QUALITY_FLAG, "asset", request.asset_id)
        )
        flags = [
            flag
            for flag in found
            if flag.severity >= request.min_severity
            and (request.include_resolved or not flag.HasField("resolved_at"))
        ]
        require_whole(len(flags))
        return Page(flags, "", len(flags))

    async def CheckAssetTradeable(
        self, request: pb.CheckAssetTradeableRequest, context: Context
    ) -> pb.CheckAssetTradeableResponse:
        require_id("asset_id", request.asset_id)
        async with self.reading(context) as reading:
            await reading.get(ASSET, request.asset_id)
            flags = await reading.find(QUALITY_FLAG, "asset", request.asset_id)
        blocking = [f for f in flags if f.severity == CRITICAL and not f.HasField("resolved_at")]
        return pb.CheckAssetTradeableResponse(tradeable=not blocking, blocking_flags=blocking)
