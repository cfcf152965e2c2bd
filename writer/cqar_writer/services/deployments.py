"""Deployments: assets on chains. `chain_name` is read off the chain, never stored."""

from __future__ import annotations

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.codec.request_validation import require_id
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.lists.presentation import name_chains
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods


class Deployments(RpcMethods):
    async def CreateAssetDeployment(
        self, request: pb.CreateAssetDeploymentRequest, context: Context
    ) -> pb.CreateAssetDeploymentResponse:
        renamed = {"contract_address": "address"}
        message = like(ASSET_DEPLOYMENT, request, renamed)
        deployment, revision = await self.create(
            ASSET_DEPLOYMENT, message, request, context, renamed
        )
        async with self.reads.begin() as reading:
            await name_chains(reading, [deployment])
        return pb.CreateAssetDeploymentResponse(deployment=deployment, revision=revision)

    async def GetAssetDeployment(
        self, request: pb.GetAssetDeploymentRequest, context: Context
    ) -> pb.GetAssetDeploymentResponse:
        require_id("deployment_id", request.deployment_id)
        async with self.reading(context) as reading:
            deployment = await reading.get(ASSET_DEPLOYMENT, request.deployment_id)
            await name_chains(reading, [deployment])
        return pb.GetAssetDeploymentResponse(deployment=deployment)
