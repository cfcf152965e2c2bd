"""Changes, one caller at a time, and the least that the servers below take for them."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import asyncpg
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as admin_pb
from nats.aio.client import Client

from cqar.admin.connection import Connection

TIMEOUT_S: Final = 120.0
#: Between two mutations, at random: so that they do not fall in step with any poll.
PAUSE_MAX_S: Final = 0.02
STATUSES: Final = (
    venue_symbol_pb2.MARKET_STATUS_POST_ONLY,
    venue_symbol_pb2.MARKET_STATUS_ONLINE,
)
VENUE: Final = "exchange-0"
ROW: Final = b"x" * 300
INSERT: Final = "INSERT INTO bench_rows VALUES ($1, $2)"


def mutate(
    writer: str, api_key: str, resolver: str, keys: Sequence[Sequence[str]], count: int
) -> dict[str, list[float]]:
    """Microseconds until the writer answers a change, and from then until a resolver shows it.

    The resolver is asked for at least the change's revision: that call is part of the time.
    """
    latencies_us: dict[str, list[float]] = {"mutation": [], "visible": []}
    metadata = (("x-api-key", api_key),)
    with Connection(writer) as to_writer, Connection(resolver) as to_resolver:
        change, resolve = to_writer.registry.UpdateVenueSymbol, to_resolver.resolver.Resolve
        for number in range(count + 1):
            venue_id, spelling = keys[number % len(keys)]
            key: dict[str, Any] = {"venue_id": venue_id, "venue_symbol": spelling}
            status = STATUSES[number // len(keys) % 2]
            request = pb.UpdateVenueSymbolRequest(**key, status=status)
            time.sleep(random.uniform(0, PAUSE_MAX_S))
            start_s = time.perf_counter()
            answer, call = change.with_call(request, metadata=metadata, timeout=TIMEOUT_S)
            committed_s = time.perf_counter()
            position = f"{dict(call.trailing_metadata())['cqar-epoch']}:{answer.revision}"
            at_least = (("cqar-min-revision", position),)
            question = resolver_pb2.ResolveRequest(**key)
            resolution = resolve(question, metadata=at_least, timeout=TIMEOUT_S).resolution
            visible_s = time.perf_counter()
            assert resolution.venue_symbol.status == status
            if number:  # the first connects
                latencies_us["mutation"].append((committed_s - start_s) * 1e6)
                latencies_us["visible"].append((visible_s - committed_s) * 1e6)
    return latencies_us


def apply(
    writer: str, api_key: str, symbol_ids: Sequence[str], size: int, count: int
) -> dict[str, list[float]]:
    """Entities a second of each Apply: of new listings, and of the same listings changed."""
    rates: dict[str, list[float]] = {"new": [], "changed": []}
    metadata = (("x-api-key", api_key),)
    with Connection(writer) as to_writer:
        for _ in range(count):
            # Other symbols each time: no venue lists the same ones again and again.
            prefix, listed = uuid.uuid4().hex[:8], random.sample(symbol_ids, size)
            for case, tick_size in (("new", "0.01"), ("changed", "0.02")):
                items = [
                    _listing(symbol_id, f"{prefix}{number}", tick_size)
                    for number, symbol_id in enumerate(listed)
                ]
                request = admin_pb.ApplyRequest(items=items)
                start_s = time.perf_counter()
                answer = to_writer.admin.Apply(request, metadata=metadata, timeout=TIMEOUT_S)
                rates[case].append(size / (time.perf_counter() - start_s))
                assert answer.committed, answer
    return rates


def _listing(symbol_id: str, spelling: str, tick_size: str) -> admin_pb.ApplyItem:
    steps = venue_symbol_pb2.VenueSymbolDecimals(tick_size=tick_size, lot_size="0.001")
    listing = venue_symbol_pb2.VenueSymbol(
        venue_id=VENUE, venue_symbol=spelling, symbol_id=symbol_id, exact=steps
    )
    return admin_pb.ApplyItem(venue_symbol=listing)


async def postgres_commit(database: str, count: int) -> list[float]:
    """Microseconds of one row in a transaction of its own, synced to the disk."""
    connection = await _connection_with_table(database)
    insert = await connection.prepare(INSERT)
    return await _latencies_us(count, lambda: insert.fetch(uuid.uuid4(), ROW))


async def postgres_rows(database: str, rows: int, count: int) -> list[float]:
    """Rows a second, of so many in one transaction into one table."""
    connection = await _connection_with_table(database)

    async def insert() -> None:
        async with connection.transaction():
            await connection.executemany(INSERT, [(uuid.uuid4(), ROW) for _ in range(rows)])

    return [rows / us * 1e6 for us in await _latencies_us(count, insert)]


async def jetstream_publish(nats: str, count: int) -> list[float]:
    """Microseconds of a message published, stored and acknowledged."""
    client = Client()
    await client.connect(nats)
    stream = client.jetstream()
    await stream.add_stream(name="BENCH", subjects=["bench"])
    latencies_us = await _latencies_us(count, lambda: stream.publish("bench", ROW))
    await stream.delete_stream("BENCH")
    await client.close()
    return latencies_us


async def _connection_with_table(database: str) -> Any:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE TABLE IF NOT EXISTS bench_rows (id uuid, payload bytea)")
    return connection


async def _latencies_us(count: int, call: Callable[[], Awaitable[Any]]) -> list[float]:
    """The latencies of `count` calls after a first."""
    latencies_us = []
    for _ in range(count + 1):
        start_s = time.perf_counter()
        await call()
        latencies_us.append((time.perf_counter() - start_s) * 1e6)
    return latencies_us[1:]
