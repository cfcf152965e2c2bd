"""Assets and their relationships."""

from __future__ import annotations

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.quality_flag import FlagSeverity
from cqar_shared.lists.filters import require_known
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods


class Assets(RpcMethods):
    async def CreateAsset(
        self, request: pb.CreateAssetRequest, context: Context
    ) -> pb.CreateAssetResponse:
        asset, revision = await self.create(ASSET, like(ASSET, request), request, context)
        return pb.CreateAssetResponse(asset=asset, revision=revision)

    async def GetAsset(self, request: pb.GetAssetRequest, context: Context) -> pb.GetAssetResponse:
        return pb.GetAssetResponse(asset=await self.get(ASSET, request.asset_id, context))

    async def UpdateAsset(
        self, request: pb.UpdateAssetRequest, context: Context
    ) -> pb.UpdateAssetResponse:
        asset, revision = await self.update(ASSET, request, context)
        return pb.UpdateAssetResponse(asset=asset, revision=revision)

    async def DeleteAsset(
        self, request: pb.DeleteAssetRequest, context: Context
    ) -> pb.DeleteAssetResponse:
        revision = await self.remove(ASSET, request.asset_id, request, context)
        return pb.DeleteAssetResponse(success=True, revision=revision)

    async def SearchAssets(
        self, request: pb.SearchAssetsRequest, context: Context
    ) -> pb.SearchAssetsResponse:
        require_known("max_flag_severity", request.max_flag_severity, FlagSeverity)
        names = ("asset_type", "category", "max_flag_severity")
        where = {name: getattr(request, name) for name in names}
        assets, token = await self.search(ASSET, request, where, context)
        return pb.SearchAssetsResponse(assets=assets, next_page_token=token)

    async def CreateAssetRelationship(
        self, request: pb.CreateAssetRelationshipRequest, context: Context
    ) -> pb.CreateAssetRelationshipResponse:
        renamed = {"source_asset_id": "from_asset_id", "target_asset_id": "to_asset_id"}
        message = like(ASSET_RELATIONSHIP, request, renamed)
        relationship, revision = await self.create(
            ASSET_RELATIONSHIP, message, request, context, renamed
        )
        return pb.CreateAssetRelationshipResponse(relationship=relationship, revision=revision)

    async def DeleteAssetRelationship(
        self, request: pb.DeleteAssetRelationshipRequest, context: Context
    ) -> pb.DeleteAssetRelationshipResponse:
        key = request.relationship_id
        revision = await self.remove(ASSET_RELATIONSHIP, key, request, context)
        return pb.DeleteAssetRelationshipResponse(success=True, revision=revision)
