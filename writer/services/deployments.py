"""Deployments: assets on chains. `chain_name` is read off the chain, never stored."""

from __future__ import annotations

from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from shared.codec import like
from shared.entities.asset_deployment import ASSET_DEPLOYMENT
from shared.entities.chain import CHAIN
from shared.grpc_errors import Context
from shared.keys import require_id
from writer.filters import equal
from writer.reads import Reading
from writer.services.ground import Ground


class Deployments(Ground):
    async def CreateAssetDeployment(
        self, request: pb.CreateAssetDeploymentRequest, context: Context
    ) -> pb.CreateAssetDeploymentResponse:
        renamed = {"contract_address": "address"}
        message = like(ASSET_DEPLOYMENT, request, renamed)
        deployment, revision = await self.create(
            ASSET_DEPLOYMENT, message, request, context, renamed
        )
        async with self.reads.begin() as reading:
            await _name_chains(reading, [deployment])
        return pb.CreateAssetDeploymentResponse(deployment=deployment, revision=revision)

    async def GetAssetDeployment(
        self, request: pb.GetAssetDeploymentRequest, context: Context
    ) -> pb.GetAssetDeploymentResponse:
        require_id("deployment_id", request.deployment_id)
        async with self.reading(context) as reading:
            deployment = await reading.get(ASSET_DEPLOYMENT, request.deployment_id)
            await _name_chains(reading, [deployment])
        return pb.GetAssetDeploymentResponse(deployment=deployment)

    async def ListAssetDeployments(
        self, request: pb.ListAssetDeploymentsRequest, context: Context
    ) -> pb.ListAssetDeploymentsResponse:
        where = {"asset_id": request.asset_id, "chain_id": request.chain_id}
        async with self.reading(context) as reading:
            page = await reading.page(
                ASSET_DEPLOYMENT, equal(where), request.page_size, request.page_token
            )
            await _name_chains(reading, page.messages)
        return pb.ListAssetDeploymentsResponse(
            deployments=page.messages, next_page_token=page.next_token, total_count=page.total
        )


async def _name_chains(reading: Reading, deployments: list[Any]) -> None:
    chains = await reading.get_many(CHAIN, (d.chain_id for d in deployments))
    names = {chain.chain_id: chain.chain_name for chain in chains}
    for deployment in deployments:
        deployment.chain_name = names[deployment.chain_id]
