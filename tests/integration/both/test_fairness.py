"""What one caller takes, others still have: exports, long reads, streams that nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.config import Front
from cqar_shared.domain.kinds.api_key import ApiKey, Role
from cqar_shared.rpc import grpc_server, stream_timeout
from cqar_shared.rpc.auth import AuthInterceptor
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.grpc_server import OPTIONS, Interceptor
from cqar_shared.rpc.rate_limits import ReadRates
from cqar_shared.runtime.token_bucket import TokenBuckets
from cqar_writer.mutations import Mutations
from cqar_writer.reads import expensive_reads
from cqar_writer.reads.expensive_reads import ExpensiveReads
from cqar_writer.services import admin
from tests.support.call_errors import refusal
from tests.support.commits import commit, eventually
from tests.support.entity_builders import NOW, a_key, an_asset
from tests.support.writer_server import Client, serving

admin_pb: Any = registry_admin_pb2
Code = grpc.StatusCode
WAIT_S = 30
FRONTS = pytest.mark.parametrize("front", ["aio", "native"])
#: A client that reads nothing has this much of an answer at most.
A_CONNECTION_OF_ITS_OWN = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]


@pytest.fixture
async def writer(engine: AsyncEngine) -> AsyncIterator[Client]:
    async with serving(engine, NOW) as client:
        yield client


async def large_registry(mutations: Mutations) -> None:
    """More than HTTP/2's windows and a client's buffers hold."""
    for part in range(3):
        entities = [an_asset(f"A{part}-{n}", metadata={"note": "x" * 15_500}) for n in range(500)]
        await commit(mutations, *entities)


async def all_of(call: Any) -> list[Any]:
    return [answer async for answer in call]


async def drained(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


# ---------------------------------------------------------------- exports


async def test_an_export_that_nobody_reads_blocks_its_caller_alone_and_ends(
    writer: Client, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await large_registry(mutations)
    metadata = {role: (("x-api-key", writer.keys[role]),) for role in writer.keys}
    request = admin_pb.ExportRequest()
    async with grpc.aio.insecure_channel(writer.address, options=A_CONNECTION_OF_ITS_OWN) as own:
        stub: Any = RegistryAdminStub(own)
        unread = stub.Export(request, metadata=metadata[Role.READ])
        await unread.read()
        again = stub.Export(request, metadata=metadata[Role.READ])
        found = await refusal(all_of(again))
        assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED")
        # Another caller exports.
        assert await all_of(writer.admin.Export(request, metadata=metadata[Role.WRITE]))
        monkeypatch.setattr(stream_timeout, "SEND_S_MAX", 0.2)
        unread.cancel()
        unread = stub.Export(request, metadata=metadata[Role.READ])
        await unread.read()

        async def has_ended() -> bool:
            one = stub.Export(request, metadata=metadata[Role.READ])
            try:
                return bool(await all_of(one))
            except grpc.aio.AioRpcError:
                return False

        await eventually(has_ended, WAIT_S)
        found = await refusal(drained(unread))
        assert found.code is Code.RESOURCE_EXHAUSTED
        assert "was not taken within" in found.text


def test_one_caller_cannot_take_all_places() -> None:
    assert admin.EXPORTS_EACH < admin.EXPORTS_MAX
    assert expensive_reads.RUN_EACH < expensive_reads.RUN_MAX
    assert expensive_reads.WAIT_EACH < expensive_reads.WAIT_MAX


# ---------------------------------------------------------------- streams


class Served:
    """A stream of large answers, behind a key that a test may end."""

    def __init__(self) -> None:
        self.key: ApiKey | None = a_key()
        self.running = 0

    async def find_key(self, _: str) -> ApiKey | None:
        return self.key

    async def stream(self, _: Any, __: Any) -> AsyncIterator[bytes]:
        self.running += 1
        try:
            while True:
                yield bytes(1_000_000)
        finally:
            self.running -= 1

    async def unary(self, _: bytes, __: Any) -> bytes:
        return b""

    async def start(self, guards: list[Interceptor], front: Front) -> tuple[grpc.aio.Server, str]:
        server, methods = grpc_server.make_server(guards, is_native=front == "native")
        handlers = {
            "S": grpc.unary_stream_rpc_method_handler(self.stream),
            "U": grpc.unary_unary_rpc_method_handler(self.unary),
        }
        methods.add_registered_method_handlers("t.T", handlers)
        port = grpc_server.bind(server, "127.0.0.1:0")
        await server.start()
        return server, f"127.0.0.1:{port}"


@FRONTS
async def test_a_stream_that_is_not_taken_ends_on_the_server_and_says_why(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_timeout, "SEND_S_MAX", 0.2)
    monkeypatch.setattr(stream_timeout, "ABORT_S", 0.1)
    served = Served()
    server, target = await served.start([ErrorInterceptor()], front)
    async with grpc.aio.insecure_channel(target) as channel:
        stream: Any = channel.unary_stream("/t.T/S")
        call = stream(b"")
        await call.read()
        assert served.running == 1
        await eventually(lambda: served.running == 0, WAIT_S)
        assert (await refusal(drained(call))).code is Code.RESOURCE_EXHAUSTED
    await server.stop(None)


@FRONTS
async def test_a_stream_that_is_not_taken_ends_with_its_callers_key(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_shared.rpc.auth.RECHECK_S", 0.05)
    monkeypatch.setattr(stream_timeout, "ABORT_S", 0.1)
    served = Served()
    auth = AuthInterceptor(served.find_key, lambda _: Role.READ)
    server, target = await served.start([auth, ErrorInterceptor()], front)
    async with grpc.aio.insecure_channel(target) as channel:
        stream: Any = channel.unary_stream("/t.T/S")
        call = stream(b"", metadata=(("x-api-key", "k"),))
        await call.read()
        await asyncio.sleep(0.2)
        assert served.running == 1
        served.key = None
        await eventually(lambda: served.running == 0, WAIT_S)
    await server.stop(None)


@FRONTS
async def test_a_client_that_leaves_ends_its_stream_at_once(front: Front) -> None:
    served = Served()
    auth = AuthInterceptor(served.find_key, lambda _: Role.READ)
    server, target = await served.start([auth, ErrorInterceptor()], front)
    async with grpc.aio.insecure_channel(target) as channel:
        stream: Any = channel.unary_stream("/t.T/S")
        call = stream(b"", metadata=(("x-api-key", "k"),))
        await call.read()
        call.cancel()
        await eventually(lambda: served.running == 0, WAIT_S)
    await server.stop(None)


# ---------------------------------------------------------------- rates


@FRONTS
async def test_a_connection_that_asks_too_often_is_told_how_long_to_wait(front: Front) -> None:
    served = Served()
    rates = ReadRates(TokenBuckets(0.1), lambda _: True)
    server, target = await served.start([ErrorInterceptor(), rates], front)
    for _ in range(2):  # each connection has its own
        async with grpc.aio.insecure_channel(target, options=A_CONNECTION_OF_ITS_OWN) as channel:
            unary: Any = channel.unary_unary("/t.T/U")
            await unary(b"", timeout=WAIT_S)
            found = await refusal(unary(b"", timeout=WAIT_S))
            assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED")
            assert found.text.startswith("this caller asks for too much at once: again in ")
    await server.stop(None)


# ---------------------------------------------------------------- long reads


async def test_searches_histories_and_dry_runs_of_one_caller_wait_among_themselves() -> None:
    running: list[str] = []
    go_on = asyncio.Event()

    async def work(_: Any, who: Any) -> None:
        running.append(who.peer())
        await go_on.wait()

    class Caller:
        def __init__(self, name: str) -> None:
            self._name = name

        def peer(self) -> str:
            return self._name

    reads = ExpensiveReads()
    search: Any = reads.unary(work, "/cqc.services.v1.AssetRegistry/SearchAssets")
    apply: Any = reads.unary(work, "/cqc.writer.v1.RegistryAdmin/Apply")
    crowd = [
        asyncio.create_task(search(pb.SearchAssetsRequest(), Caller("loud"))) for _ in range(10)
    ]
    dry = admin_pb.ApplyRequest(dry_run=True)
    crowd.append(asyncio.create_task(apply(dry, Caller("loud"))))
    crowd.append(asyncio.create_task(apply(dry, Caller("quiet"))))
    # What changes something has its own bounds.
    crowd.append(asyncio.create_task(apply(admin_pb.ApplyRequest(), Caller("changes"))))
    for _ in range(5):
        await asyncio.sleep(0)
    assert sorted(running) == ["changes", "loud", "loud", "quiet"]
    go_on.set()
    await asyncio.gather(*crowd)
