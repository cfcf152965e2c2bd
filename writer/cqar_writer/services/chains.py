"""Chains."""

from __future__ import annotations

from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.rules import slug_of
from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods

_CREATE = {
    "id": "chain_id",
    "name": "chain_name",
    "chain_id": "network_id",
    "block_explorer_url": "explorer_url",
}


class Chains(RpcMethods):
    async def CreateChain(
        self, request: pb.CreateChainRequest, context: Context
    ) -> pb.CreateChainResponse:
        message: Any = like(CHAIN, request, _CREATE)
        if not message.chain_id:
            message.chain_id = slug_of(request.name)
        if request.native_asset_symbol and not message.native_asset_id:
            message.native_asset_id = await self._asset_with_ticker(request.native_asset_symbol)
        chain, revision = await self.create(CHAIN, message, request, context, _CREATE)
        return pb.CreateChainResponse(chain=chain, revision=revision)

    async def _asset_with_ticker(self, symbol: str) -> str:
        """Return the only asset with this ticker; of two neither is guessed."""
        async with self.reads.begin() as reading:
            assets = await reading.find(ASSET, "symbol", symbol)
        if len(assets) != 1:
            message = f"{len(assets)} assets bear the ticker {symbol!r}: give native_asset_id"
            raise Invalid([FieldViolation("native_asset_symbol", "AMBIGUOUS", message)])
        return str(assets[0].asset_id)

    async def GetChain(self, request: pb.GetChainRequest, context: Context) -> pb.GetChainResponse:
        return pb.GetChainResponse(chain=await self.get(CHAIN, request.chain_id, context))

    async def UpdateChain(
        self, request: pb.UpdateChainRequest, context: Context
    ) -> pb.UpdateChainResponse:
        chain, revision = await self.update(CHAIN, request, context, {"name": "chain_name"})
        return pb.UpdateChainResponse(chain=chain, revision=revision)
