"""Errors that a handler did not foresee, as a client sees them; no database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from cqar_shared.domain.kinds.api_key import ApiKey, Role
from cqar_shared.errors import DataLoss
from cqar_shared.rpc import grpc_server
from cqar_shared.rpc.auth import AuthInterceptor
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.grpc_server import Interceptor
from tests.support.call_errors import Refusal, refusal
from tests.support.entity_builders import (
    a_key,
)

Code = grpc.StatusCode


LEAK = "password=hunter2 at 10.0.0.1"


@asynccontextmanager
async def reached(guards: list[Interceptor], **handlers: Any) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server of these methods of `t.T`."""
    server, methods = grpc_server.make_server(guards)
    methods.add_registered_method_handlers("t.T", handlers)
    port = grpc_server.bind(server, "127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


async def failing(error: Exception, *, in_auth: bool) -> Refusal:
    """What a client sees when a method, or the search for its key, fails unforeseen."""

    async def method(_: Any, __: Any) -> bytes:
        raise error

    async def find_key(_: str) -> None:
        raise error

    guards: list[Interceptor] = [ErrorInterceptor()]
    if in_auth:
        guards.insert(0, AuthInterceptor(find_key, lambda _: Role.READ))
    async with reached(guards, M=grpc.unary_unary_rpc_method_handler(method)) as channel:
        call: Any = channel.unary_unary("/t.T/M")
        return await refusal(call(b"", metadata=(("x-api-key", "k"),), timeout=10))


@pytest.mark.parametrize("in_auth", [False, True], ids=["in a method", "finding a key"])
async def test_an_unforeseen_error_says_internal_error_and_nothing_else(*, in_auth: bool) -> None:
    found = await failing(ValueError(LEAK), in_auth=in_auth)
    assert (found.code, found.text) == (Code.INTERNAL, "internal error")


@pytest.mark.parametrize("in_auth", [False, True], ids=["in a method", "finding a key"])
@pytest.mark.parametrize("kind", [ConnectionRefusedError, TimeoutError])
async def test_a_service_that_does_not_answer_makes_this_one_unavailable(
    kind: type[Exception], *, in_auth: bool
) -> None:
    found = await failing(kind(LEAK), in_auth=in_auth)
    assert found.code == Code.UNAVAILABLE
    assert "hunter2" not in found.text


async def _last(answers: Any) -> Any:
    return [answer async for answer in answers]


@pytest.mark.parametrize(
    ("end", "code"),
    [(None, Code.UNAUTHENTICATED), (DataLoss("api_keys", "k"), Code.DATA_LOSS)],
    ids=["revoked", "altered"],
)
async def test_a_stream_ends_with_its_callers_key(
    end: Exception | None, code: grpc.StatusCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_shared.rpc.auth.RECHECK_S", 0.05)
    keys: list[ApiKey | Exception | None] = [a_key(), OSError("away"), a_key(), end]

    async def find_key(_: str) -> ApiKey | None:
        (now, *rest) = keys
        keys[:] = rest or [now]
        if isinstance(now, Exception):
            raise now
        return now

    async def method(_: Any, __: Any) -> AsyncIterator[bytes]:
        while True:
            yield b"beat"
            await asyncio.sleep(0.01)

    guards: list[Interceptor] = [AuthInterceptor(find_key, lambda _: Role.READ), ErrorInterceptor()]
    async with reached(guards, S=grpc.unary_stream_rpc_method_handler(method)) as channel:
        stream: Any = channel.unary_stream("/t.T/S")
        call = stream(b"", metadata=(("x-api-key", "k"),), timeout=10)
        found = await refusal(_last(call))
    assert found.code == code
    assert keys == [end]


@pytest.mark.parametrize("streams", [False, True], ids=["at once", "in a stream"])
async def test_an_answer_that_no_message_holds_says_what_to_do(
    *, streams: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_shared.rpc.error_mapping.MESSAGE_BYTES_MAX", 2 * 1024**2)

    async def whole(_: Any, __: Any) -> bytes:
        return bytes(2 * 1024**2 + 1)

    async def parts(_: Any, __: Any) -> AsyncIterator[bytes]:
        yield bytes(2 * 1024**2 + 1)

    handlers: dict[str, Any] = {
        "M": grpc.unary_unary_rpc_method_handler(whole),
        "S": grpc.unary_stream_rpc_method_handler(parts),
    }
    async with reached([ErrorInterceptor()], **handlers) as channel:
        unary: Any = channel.unary_unary("/t.T/M")
        stream: Any = channel.unary_stream("/t.T/S")
        call = _last(stream(b"", timeout=10)) if streams else unary(b"", timeout=10)
        found = await refusal(call)
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
    assert found.text == "the answer is of 3 MiB; at most 2 MiB: ask for less at once"
