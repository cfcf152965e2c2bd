"""Symbols: the canonical products."""

from __future__ import annotations

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods


class Symbols(RpcMethods):
    async def CreateSymbol(
        self, request: pb.CreateSymbolRequest, context: Context
    ) -> pb.CreateSymbolResponse:
        symbol, revision = await self.create(SYMBOL, like(SYMBOL, request), request, context)
        return pb.CreateSymbolResponse(symbol=symbol, revision=revision)

    async def GetSymbol(
        self, request: pb.GetSymbolRequest, context: Context
    ) -> pb.GetSymbolResponse:
        return pb.GetSymbolResponse(symbol=await self.get(SYMBOL, request.symbol_id, context))

    async def UpdateSymbol(
        self, request: pb.UpdateSymbolRequest, context: Context
    ) -> pb.UpdateSymbolResponse:
        symbol, revision = await self.update(SYMBOL, request, context)
        return pb.UpdateSymbolResponse(symbol=symbol, revision=revision)

    async def DeleteSymbol(
        self, request: pb.DeleteSymbolRequest, context: Context
    ) -> pb.DeleteSymbolResponse:
        revision = await self.remove(SYMBOL, request.symbol_id, request, context)
        return pb.DeleteSymbolResponse(success=True, revision=revision)

    async def SearchSymbols(
        self, request: pb.SearchSymbolsRequest, context: Context
    ) -> pb.SearchSymbolsResponse:
        names = ("base_asset_id", "quote_asset_id", "symbol_type")
        where = {name: getattr(request, name) for name in names}
        symbols, token = await self.search(SYMBOL, request, where, context)
        return pb.SearchSymbolsResponse(symbols=symbols, next_page_token=token)
