"""Symbols: the canonical products."""

from __future__ import annotations

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like
from cqar_shared.codec.request_validation import require_symbol_name
from cqar_shared.domain.identifier_rules import canonical
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.errors import EntityNotFound
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
        require_symbol_name(request)
        symbol_id = request.symbol_id
        if not symbol_id:
            symbol_id = await self._identified(request.data_source, request.external_id, context)
        return pb.GetSymbolResponse(symbol=await self.get(SYMBOL, symbol_id, context))

    async def _identified(self, source: int, external_id: str, context: Context) -> str:
        """Return the id of the one symbol that an identifier names.

        Raises:
            EntityNotFound: it names none, or several.
        """
        stored = canonical(source, external_id)
        async with self.reading(context) as reading:
            identifiers = await reading.find(SYMBOL_IDENTIFIER, "external_id", source, stored)
        owners = {str(identifier.symbol_id) for identifier in identifiers}
        if len(owners) != 1:
            why = f"names {len(owners)} symbols of this source" if owners else ""
            raise EntityNotFound(SYMBOL_IDENTIFIER.name, external_id, why)
        return owners.pop()

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
