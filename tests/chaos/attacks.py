"""What one hostile caller sends, from its own process: `python -m tests.chaos.attacks NAME`.

Every flood is bounded in time, goes to loopback alone, and stops by itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final, NamedTuple

import grpc
from cqc.assets.v1 import asset_pb2, group_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_asset_pb2, venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as admin_pb
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2

from cqar_shared.rpc.grpc_server import OPTIONS
from tests.chaos import rapid_reset

RESOLVER: Final = "/cqc.resolver.v1.Resolver"
ADMIN: Final = "/cqc.writer.v1.RegistryAdmin"
HEALTH: Final = "/grpc.health.v1.Health"
#: As the issue that these come from had them.
FILTERS: Final = 4_000_000
EMPTY_ITEMS: Final = 500_000
NAME_CHARS: Final = 14 * 1024**2
BATCH_KEYS: Final = 2_000
BATCH_CALLERS: Final = 8
CONNECTIONS: Final = 1_000
STREAMS: Final = 200
#: A hostile client waits this long for an answer; it has more to send.
TIMEOUT_S: Final = 30.0
OWN: Final[list[tuple[str, Any]]] = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]


class AttackTarget(NamedTuple):
    """Where the flood goes; the key may write."""

    writer: str
    resolver: str
    key: str
    seconds: float


class Attack(NamedTuple):
    title: str
    send: Callable[[AttackTarget, Counter[str]], Awaitable[None]]


async def _again(
    channel: grpc.aio.Channel,
    method: str,
    request: Callable[[int], bytes],
    counts: Counter[str],
    key: str = "",
) -> None:
    """Ask one thing after another; whoever is refused comes again at once."""
    call: Any = channel.unary_unary(method)
    number = 0
    while True:
        number += 1
        metadata = (("x-api-key", key),) if key else ()
        counts[(await call(request(number), metadata=metadata, timeout=TIMEOUT_S).code()).name] += 1


async def _streams(
    address: str, method: str, request: bytes, counts: Counter[str], key: str = ""
) -> None:
    """Open streams and read one answer of each, until the time is over."""
    async with AsyncExitStack() as stack:
        held: set[Any] = set()
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=OWN))
        stream: Any = channel.unary_stream(method)
        metadata = (("x-api-key", key),) if key else ()
        while True:
            if len(held) < STREAMS:
                call = stream(request, metadata=metadata)
                counts["opened"] += 1
                held.add(call)
                with suppress(grpc.aio.AioRpcError):
                    await call.read()
            await asyncio.sleep(0.005)
            for call in [one for one in held if one.done()]:
                counts[(await call.code()).name] += 1
                held.discard(call)


def _applying(item: Message, field: str) -> bytes:
    items = [admin_pb.ApplyItem(**{field: item})]  # type: ignore[arg-type]
    return admin_pb.ApplyRequest(items=items).SerializeToString()


async def _apply(item: Message, field: str, target: AttackTarget, counts: Counter[str]) -> None:
    request = _applying(item, field)
    async with grpc.aio.insecure_channel(target.writer, options=OWN) as channel:
        await _again(channel, f"{ADMIN}/Apply", lambda _: request, counts, target.key)


async def filters(target: AttackTarget, counts: Counter[str]) -> None:
    request = pb.WatchRequest(kinds=[""] * FILTERS).SerializeToString()
    async with grpc.aio.insecure_channel(target.resolver, options=OWN) as channel:
        stream: Any = channel.unary_stream(f"{RESOLVER}/Watch")
        while True:
            counts[(await stream(request, timeout=TIMEOUT_S).code()).name] += 1


async def members(target: AttackTarget, counts: Counter[str]) -> None:
    group = group_pb2.AssetGroup(name="x")
    group.members.extend([group_pb2.AssetGroupMember()] * EMPTY_ITEMS)
    await _apply(group, "asset_group", target, counts)


async def bands(target: AttackTarget, counts: Counter[str]) -> None:
    listing = venue_symbol_pb2.VenueSymbol(venue_id="x", venue_symbol="x")
    for _ in range(EMPTY_ITEMS):
        listing.tick_bands.add()
    await _apply(listing, "venue_symbol", target, counts)


async def codes(target: AttackTarget, counts: Counter[str]) -> None:
    asset = venue_asset_pb2.VenueAsset(venue_id="x", asset_id="x", other_codes=[""] * EMPTY_ITEMS)
    await _apply(asset, "venue_asset", target, counts)


async def name(target: AttackTarget, counts: Counter[str]) -> None:
    asset = asset_pb2.Asset(symbol="X", name="é" * (NAME_CHARS // 2), asset_type=1)
    await _apply(asset, "asset", target, counts)


async def as_of(target: AttackTarget, counts: Counter[str]) -> None:
    keys = [pb.VenueSymbolKey(venue_id="binance", venue_symbol="BTCUSDT")] * BATCH_KEYS

    def request(lane: int, number: int) -> bytes:
        at = Timestamp(seconds=1_700_000_000 + lane * 1_000_000 + number)
        return pb.ResolveBatchRequest(keys=keys, as_of=at).SerializeToString()

    async with (
        grpc.aio.insecure_channel(target.resolver, options=OWN) as channel,
        asyncio.TaskGroup() as group,
    ):
        for lane in range(BATCH_CALLERS):
            of_lane = partial(request, lane)
            group.create_task(_again(channel, f"{RESOLVER}/ResolveBatch", of_lane, counts))


async def exports(target: AttackTarget, counts: Counter[str]) -> None:
    await _streams(target.writer, f"{ADMIN}/Export", b"", counts, target.key)


async def resets(target: AttackTarget, counts: Counter[str]) -> None:
    await rapid_reset.flood(target.resolver, f"{RESOLVER}/Resolve", counts)


async def connections(target: AttackTarget, counts: Counter[str]) -> None:
    """Connections that say nothing, held for a while."""
    host, _, port = target.resolver.rpartition(":")
    held: list[socket.socket] = []
    while True:
        try:
            held.append(socket.create_connection((host, int(port)), timeout=1))
            counts["connected"] += 1
        except OSError as error:
            counts[type(error).__name__] += 1
            await asyncio.sleep(0.05)
        if len(held) >= CONNECTIONS:
            for one in held:
                one.close()
            held.clear()
        await asyncio.sleep(0)


async def made_up_keys(target: AttackTarget, counts: Counter[str]) -> None:
    async with (
        grpc.aio.insecure_channel(target.writer, options=OWN) as channel,
        asyncio.TaskGroup() as group,
    ):
        call: Any = channel.unary_unary(f"{ADMIN}/GetHead")

        async def ask(lane: int) -> None:
            number = 0
            while True:
                number += 1
                metadata = (("x-api-key", f"cqar_{lane}_{number}"),)
                counts[(await call(b"", metadata=metadata, timeout=TIMEOUT_S).code()).name] += 1

        for lane in range(BATCH_CALLERS):
            group.create_task(ask(lane))


async def health(target: AttackTarget, counts: Counter[str]) -> None:
    request = health_pb2.HealthCheckRequest().SerializeToString()
    await _streams(target.resolver, f"{HEALTH}/Watch", request, counts)


async def slow_readers(target: AttackTarget, counts: Counter[str]) -> None:
    request = pb.WatchRequest().SerializeToString()
    await _streams(target.resolver, f"{RESOLVER}/Watch", request, counts)


ATTACKS: Final = {
    "filters": Attack("Watch with four million empty filters, without a key", filters),
    "members": Attack("Apply of half a million empty group members", members),
    "bands": Attack("Apply of half a million empty tick bands", bands),
    "codes": Attack("Apply of half a million empty codes", codes),
    "name": Attack("Apply of a name of 14 MiB", name),
    "as_of": Attack("as-of batches of 2,000 by 8 callers", as_of),
    "exports": Attack("Exports that nobody reads", exports),
    "resets": Attack("rapid reset", resets),
    "connections": Attack("connections that say nothing, 1,000 at once", connections),
    "made_up_keys": Attack("made-up keys, by 8 callers", made_up_keys),
    "health": Attack("watches of health", health),
    "slow_readers": Attack("Watches that nobody reads", slow_readers),
}


async def main(named: str, target: AttackTarget) -> None:
    counts: Counter[str] = Counter()
    with suppress(TimeoutError):
        async with asyncio.timeout(target.seconds):
            await ATTACKS[named].send(target, counts)
    sys.stdout.write(json.dumps(counts))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], AttackTarget(*sys.argv[2:5], float(sys.argv[5]))))
