"""Change a listing at the writer, see it at a resolver, and read an error."""

import asyncio
import os
from typing import Any

import grpc
from cqc.resolver.v1 import resolver_pb2, resolver_pb2_grpc
from cqc.services.v1 import asset_registry_pb2, asset_registry_pb2_grpc
from cqc.venues.v1 import venue_symbol_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

WRITER = os.environ.get("CQAR_WRITER", "127.0.0.1:9090")
RESOLVER = os.environ.get("CQAR_RESOLVER", "127.0.0.1:9091")
KEY = ("authorization", f"Bearer {os.environ['CQAR_KEY']}")


async def main() -> None:
    async with (
        grpc.aio.insecure_channel(WRITER) as to_writer,
        grpc.aio.insecure_channel(RESOLVER) as to_resolver,
    ):
        registry = asset_registry_pb2_grpc.AssetRegistryStub(to_writer)
        resolver = resolver_pb2_grpc.ResolverStub(to_resolver)

        change = registry.UpdateVenueSymbol(
            asset_registry_pb2.UpdateVenueSymbolRequest(
                venue_id="binance",
                venue_symbol="BTCUSDT",
                status=venue_symbol_pb2.MARKET_STATUS_POST_ONLY,
            ),
            metadata=(KEY, ("cqar-reason", "announced maintenance")),
            timeout=10,
        )
        await change
        told = {key: str(value) for key, value in await change.trailing_metadata()}
        position = f"{told['cqar-epoch']}:{told['cqar-revision']}"

        request = resolver_pb2.ResolveRequest(venue_id="binance", venue_symbol="BTCUSDT")
        answer = await resolver.Resolve(
            request, metadata=(("cqar-min-revision", position),), timeout=10
        )
        found = answer.resolution
        print(found.symbol.symbol, found.specs.tick_size, found.specs.lot_size)
        print(found.tradeable.allowed, [r.code for r in found.tradeable.open.reasons])
        print(found.tradeable.post_only.allowed)

        try:
            await resolver.Resolve(
                resolver_pb2.ResolveRequest(venue_id="binance", venue_symbol="btcusdt"), timeout=10
            )
        except grpc.aio.AioRpcError as error:
            print(error.code().name, reason_of(error))


def reason_of(error: Any) -> str:
    """The registry's own word for an error; empty where the error is not the registry's."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else ():
        if detail.Unpack(info):
            return str(info.reason)
    return ""


asyncio.run(main())
