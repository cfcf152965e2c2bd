"""Changes, one caller at a time, and what the servers below take for the least of them."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import grpc
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as admin_pb
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub
from nats.aio.client import Client

from bench.asking import TIMEOUT_S
from cqar_shared.rpc.grpc_server import OPTIONS

#: Between two mutations: at random, so that they do not fall in step with any poll.
PAUSE_MAX_S: Final = 0.02
STATUSES: Final = (
    venue_symbol_pb2.MARKET_STATUS_POST_ONLY,
    venue_symbol_pb2.MARKET_STATUS_ONLINE,
)
VENUE: Final = "whitebit"


def mutate(
    writer: str, api_key: str, resolver: str, keys: Sequence[Sequence[str]], count: int
) -> dict[str, list[float]]:
    """Microseconds: a status changed until the writer answers, and from then until it is seen.

    It is seen when a resolver, asked for at least that revision, answers: that call is part of it.
    """
    took: dict[str, list[float]] = {"mutation": [], "visible": []}
    who = ("x-api-key", api_key)
    with grpc.insecure_channel(writer) as to_writer, grpc.insecure_channel(resolver) as to_resolver:
        change = _calls(AssetRegistryStub, to_writer).UpdateVenueSymbol
        ask = _calls(ResolverStub, to_resolver).Resolve
        for number in range(count + 1):
            venue_id, spelling = keys[number % len(keys)]
            status = STATUSES[number // len(keys) % 2]
            request = pb.UpdateVenueSymbolRequest(
                venue_id=venue_id, venue_symbol=spelling, status=status
            )
            question = resolver_pb2.ResolveRequest(venue_id=venue_id, venue_symbol=spelling)
            time.sleep(random.uniform(0, PAUSE_MAX_S))
            began = time.perf_counter()
            answer, call = change.with_call(request, metadata=(who,), timeout=TIMEOUT_S)
            answered = time.perf_counter()
            epoch = dict(call.trailing_metadata())["cqar-epoch"]
            least = ("cqar-min-revision", f"{epoch}:{answer.revision}")
            found = ask(question, metadata=(least,), timeout=TIMEOUT_S)
            seen = time.perf_counter()
            assert found.resolution.venue_symbol.status == status
            # The first connects.
            if number:
                took["mutation"].append((answered - began) * 1e6)
                took["visible"].append((seen - answered) * 1e6)
    return took


def apply(
    writer: str, api_key: str, symbol_ids: Sequence[str], size: int, count: int
) -> dict[str, list[float]]:
    """Entities a second of each Apply: of new listings, and of the same ones changed.

    Of some of the symbols each time: no venue lists the same ones again and again.
    """
    rates: dict[str, list[float]] = {"new": [], "changed": []}
    with grpc.insecure_channel(writer, options=OPTIONS) as channel:
        admin = _calls(RegistryAdminStub, channel)
        for _ in range(count):
            prefix, some = uuid.uuid4().hex[:8], random.sample(symbol_ids, size)
            for what, tick in (("new", "0.01"), ("changed", "0.02")):
                request = admin_pb.ApplyRequest(
                    items=[
                        admin_pb.ApplyItem(venue_symbol=_listing(symbol_id, f"{prefix}{n}", tick))
                        for n, symbol_id in enumerate(some)
                    ]
                )
                began = time.perf_counter()
                answer = admin.Apply(request, metadata=(("x-api-key", api_key),), timeout=120)
                rates[what].append(size / (time.perf_counter() - began))
                assert answer.committed, answer
    return rates


def _calls(stub: Any, channel: grpc.Channel) -> Any:
    """A stub's calls, each waited for; its types are of those that are awaited."""
    return stub(channel)


def _listing(symbol_id: str, spelling: str, tick: str) -> venue_symbol_pb2.VenueSymbol:
    listing = venue_symbol_pb2.VenueSymbol(
        venue_id=VENUE, venue_symbol=spelling, symbol_id=symbol_id
    )
    listing.exact.tick_size = tick
    listing.exact.lot_size = "0.001"
    return listing


async def postgres_commit(database: str, count: int) -> list[float]:
    """Microseconds: one row in a transaction of its own, synced to the disk."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS bench_rows (id uuid, payload bytea)")
        insert = await connection.prepare("INSERT INTO bench_rows VALUES ($1, $2)")
        took = []
        for _ in range(count + 1):
            began = time.perf_counter()
            await insert.fetch(uuid.uuid4(), b"x" * 300)
            took.append((time.perf_counter() - began) * 1e6)
        return took[1:]
    finally:
        await connection.close()


async def postgres_rows(database: str, rows: int, count: int) -> list[float]:
    """Rows a second: so many in one transaction, into one table."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS bench_rows (id uuid, payload bytea)")
        rates = []
        for _ in range(count):
            values = [(uuid.uuid4(), b"x" * 300) for _ in range(rows)]
            began = time.perf_counter()
            async with connection.transaction():
                await connection.executemany("INSERT INTO bench_rows VALUES ($1, $2)", values)
            rates.append(rows / (time.perf_counter() - began))
        return rates
    finally:
        await connection.close()


async def jetstream_publish(nats: str, count: int) -> list[float]:
    """Microseconds: a message of 300 bytes published, stored and acknowledged."""
    client = Client()
    await client.connect(nats)
    try:
        js = client.jetstream()
        await js.add_stream(name="BENCH", subjects=["bench"])
        took = []
        for _ in range(count + 1):
            began = time.perf_counter()
            await js.publish("bench", b"x" * 300)
            took.append((time.perf_counter() - began) * 1e6)
        await js.delete_stream("BENCH")
        return took[1:]
    finally:
        await client.close()
