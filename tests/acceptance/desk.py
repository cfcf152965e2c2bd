"""Somebody who writes at the writer and reads at a resolver what they wrote."""

from __future__ import annotations

import itertools
from typing import Any, Final

import grpc
from cqc.assets.v1 import asset_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.venues.v1 import venue_pb2
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub

SPOT: Final = symbol_pb2.SYMBOL_TYPE_SPOT
CALL_TIMEOUT_S: Final = 30
_numbers = itertools.count()


class Desk:
    """The writer, and a resolver that is asked for at least what was written last."""

    def __init__(self, writer: grpc.aio.Channel, resolver: grpc.aio.Channel, key: str) -> None:
        self.writer: Any = AssetRegistryStub(writer)
        self.admin: Any = RegistryAdminStub(writer)
        self.sidecar: Any = AssetRegistryStub(resolver)
        self.resolver: Any = ResolverStub(resolver)
        self._key = ("x-api-key", key)
        self.position = "1:0"

    @staticmethod
    def number() -> int:
        """One that nothing else in this process is named by."""
        return next(_numbers)

    async def write(self, method: Any, request: Any) -> Any:
        call = method(request, metadata=(self._key,), timeout=CALL_TIMEOUT_S)
        answer = await call
        trailing = dict(await call.trailing_metadata())
        self.position = f"{trailing['cqar-epoch']}:{trailing['cqar-revision']}"
        return answer

    async def read(self, method: Any, request: Any) -> Any:
        """At the writer or at the resolver; nothing older than what was written last."""
        metadata = (self._key, ("cqar-min-revision", self.position))
        return await method(request, metadata=metadata, timeout=CALL_TIMEOUT_S)

    async def resolve(self, venue_id: str, spelling: str) -> resolver_pb2.Resolution:
        request = resolver_pb2.ResolveRequest(venue_id=venue_id, venue_symbol=spelling)
        answer: resolver_pb2.ResolveResponse = await self.read(self.resolver.Resolve, request)
        return answer.resolution

    async def an_asset(self, symbol: str) -> asset_pb2.Asset:
        request = pb.CreateAssetRequest(
            symbol=symbol, name=symbol.title(), asset_type=asset_pb2.ASSET_TYPE_NATIVE
        )
        answer: pb.CreateAssetResponse = await self.write(self.writer.CreateAsset, request)
        return answer.asset

    async def a_venue(self) -> str:
        name = f"Venue {self.number()}"
        request = pb.CreateVenueRequest(name=name, venue_type=venue_pb2.VENUE_TYPE_CEX)
        answer = await self.write(self.writer.CreateVenue, request)
        return str(answer.venue.venue_id)

    async def a_market(self) -> tuple[symbol_pb2.Symbol, str]:
        """A spot symbol of two new assets, and a venue that lists it as BTCUSDT."""
        base, quote = [await self.an_asset(symbol) for symbol in ("BTC", "USDT")]
        request = pb.CreateSymbolRequest(
            symbol_type=SPOT, base_asset_id=base.asset_id, quote_asset_id=quote.asset_id
        )
        symbol = (await self.write(self.writer.CreateSymbol, request)).symbol
        venue_id = await self.a_venue()
        listing = pb.CreateVenueSymbolRequest(
            venue_id=venue_id, symbol_id=symbol.symbol_id, venue_symbol="BTCUSDT", taker_fee=0.001
        )
        listing.exact.tick_size, listing.exact.lot_size = "0.010", "0.00001000"
        listing.exact.min_notional = "5"
        await self.write(self.writer.CreateVenueSymbol, listing)
        return symbol, venue_id
