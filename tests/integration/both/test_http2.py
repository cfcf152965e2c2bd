"""What one HTTP/2 connection may do, asked by frames of our own, at both fronts."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from cqar_resolver.config import Front
from cqar_shared.rpc import grpc_server
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from tests.chaos.rapid_reset import GOAWAY, PREFACE, SETTINGS, flood, frame

WAIT_S = 20
MAX_CONCURRENT_STREAMS, ENHANCE_YOUR_CALM, PING = 0x3, 11, 0x6
FRONTS = pytest.mark.parametrize("front", ["aio", "native"])


@asynccontextmanager
async def served(front: Front) -> AsyncIterator[str]:
    async def method(_: bytes, __: Any) -> bytes:
        return b""

    server, methods = grpc_server.make_server([ErrorInterceptor()], is_native=front == "native")
    methods.add_registered_method_handlers(
        "t.T", {"M": grpc.unary_unary_rpc_method_handler(method)}
    )
    port = grpc_server.bind(server, "127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def connected(
    address: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE + frame(SETTINGS, 0, 0))
    try:
        async with asyncio.timeout(WAIT_S):
            yield reader, writer
    finally:
        writer.transport.abort()


async def until(kind: int, reader: asyncio.StreamReader) -> bytes:
    """The next frame of a kind."""
    while True:
        head = await reader.readexactly(9)
        payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        if head[3] == kind:
            return payload


@FRONTS
async def test_a_connection_is_told_how_many_calls_it_may_have_at_once(front: Front) -> None:
    async with served(front) as address, connected(address) as (reader, _):
        told = await until(SETTINGS, reader)
        settings = {
            int.from_bytes(told[at : at + 2], "big"): int.from_bytes(told[at + 2 : at + 6], "big")
            for at in range(0, len(told), 6)
        }
        wanted = dict(grpc_server.CONNECTION_OPTIONS)["grpc.max_concurrent_streams"]
        assert settings[MAX_CONCURRENT_STREAMS] == wanted


async def test_who_pings_without_end_is_sent_away() -> None:
    """By `aio`: the native front answers every ping."""
    async with served("aio") as address, connected(address) as (reader, writer):
        # One at a time: what a server has not read when it closes a connection makes it a reset,
        # and what it said last is lost with that.
        told = asyncio.create_task(until(GOAWAY, reader))
        for _ in range(10):
            if not told.done():
                writer.write(frame(PING, 0, 0, bytes(8)))
                await asyncio.wait([told], timeout=0.1)
        goodbye = await told
        assert int.from_bytes(goodbye[4:8], "big") == ENHANCE_YOUR_CALM


@FRONTS
async def test_requests_that_are_reset_at_once_end_nobody_elses(front: Front) -> None:
    async with served(front) as address, grpc.aio.insecure_channel(address) as channel:
        counted: Counter[str] = Counter()
        flooding = asyncio.create_task(flood(address, "/t.T/M", counted))
        call: Any = channel.unary_unary("/t.T/M")
        codes = {await call(b"", timeout=WAIT_S).code() for _ in range(10)}
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        assert codes == {grpc.StatusCode.OK}
        assert counted["reset"]


def test_callers_leave_this_process_files_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 1_048_576))
    assert grpc_server.connections_max() == 512
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert grpc_server.connections_max() == grpc_server.CONNECTIONS_MAX


async def test_more_connections_than_may_be_are_closed_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grpc_server, "connections_max", lambda: 2)
    async with served("aio") as address, grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary("/t.T/M")
        await call(b"", timeout=WAIT_S)
        async with connected(address) as (reader, _):
            await until(SETTINGS, reader)
            async with connected(address) as (third, _):
                assert await third.read() == b""
            await call(b"", timeout=WAIT_S)
