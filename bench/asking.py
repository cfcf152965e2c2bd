"""Requests as bytes, and what a resolver answers to them, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub

RESOLVE: Final = "/cqc.resolver.v1.Resolver/Resolve"
RESOLVE_BATCH: Final = "/cqc.resolver.v1.Resolver/ResolveBatch"
TIMEOUT_S: Final = 30.0


def resolve(key: Sequence[str]) -> pb.ResolveRequest:
    return pb.ResolveRequest(venue_id=key[0], venue_symbol=key[1])


def resolve_batch(keys: Sequence[Sequence[str]]) -> pb.ResolveBatchRequest:
    named = [pb.VenueSymbolKey(venue_id=one[0], venue_symbol=one[1]) for one in keys]
    return pb.ResolveBatchRequest(keys=named)


async def answered(address: str, method: str, request: bytes) -> bytes:
    """One answer, parsed by nobody.

    Raises:
        grpc.aio.AioRpcError: It was refused.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(method)
        answer: bytes = await call(request, timeout=TIMEOUT_S)
        return answer


async def resolutions(address: str, keys: Sequence[Sequence[str]]) -> list[pb.Resolution]:
    """Of at most 2,000 keys."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = ResolverStub(channel)
        answer: pb.ResolveBatchResponse = await stub.ResolveBatch(
            resolve_batch(keys), timeout=TIMEOUT_S
        )
        return list(answer.resolutions)
