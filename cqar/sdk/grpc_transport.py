"""Sends questions by gRPC: the channel's options, each call's metadata, the reply's position.

Every question is a read, so gRPC may send any of them again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from math import inf
from typing import Any, Final

import grpc
import grpc.aio
from cqc.resolver.v1 import resolver_pb2 as pb
from grpc_status import rpc_status

from cqar.sdk import errors
from cqar.sdk.key_form import require_key
from cqar.sdk.questions import REGISTRY, RESOLVER, Question
from cqar.sdk.session_position import HEADER, Position
from cqar.sdk.transport import Call, Reply
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX

#: Servers accept a ping each 10 s, also without calls. A peer that is gone is noticed after 20 s.
KEEPALIVE_MS: Final = 15_000
KEEPALIVE_TIMEOUT_MS: Final = 5_000
TRIES_MAX: Final = 3

#: gRPC's own retries: within the call's deadline, with jitter, and only before a response began.
_SERVICE_CONFIG: Final = {
    # Calls rotate over the reachable resolvers behind a name.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": RESOLVER}, {"service": REGISTRY}],
            "retryPolicy": {
                "maxAttempts": TRIES_MAX,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
_OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own backoff grows to two minutes: too long for a resolver that restarted.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_retries", 1),
]
_READ_OPTIONS: Final = [*_OPTIONS, ("grpc.service_config", json.dumps(_SERVICE_CONFIG))]


class GrpcTransport:
    """One channel and its methods; `SyncGrpcTransport` and `AsyncGrpcTransport` call them.

    Args:
        target, key, credentials: As those of `cqar.Client`.

    Raises:
        ValueError: The key has a form that no key has.
    """

    #: grpc or grpc.aio, which make channels and methods alike.
    _module: Any

    def __init__(self, target: str, key: str, credentials: grpc.ChannelCredentials | None) -> None:
        self._key = key_metadata(key)
        self._channel = make_channel(self._module, target, credentials)
        self._target = target
        self._methods: dict[str, Callable[..., Any]] = {}
        self._is_closed = False

    def _unary(self, call: Call) -> Any:
        return self._method(call.question, self._channel.unary_unary)

    def _streaming(self, call: Call) -> Any:
        return self._method(call.question, self._channel.unary_stream)

    def _method(self, question: Question[Any], make: Callable[..., Any]) -> Any:
        if self._is_closed:
            raise errors.closed_error()
        method = self._methods.get(question.path)
        if method is None:
            method = make(
                question.path,
                request_serializer=type(question.request).SerializeToString,
                response_deserializer=question.response.FromString,
            )
            self._methods[question.path] = method
        return method

    def _arguments(self, call: Call) -> dict[str, Any]:
        """The arguments of gRPC's callables."""
        position = call.min_position
        metadata: tuple[Any, ...] = (*self._key, *call.metadata)
        if position is not None:
            metadata = (*metadata, (HEADER, str(position)))
        timeout_s = None if call.timeout_s == inf else call.timeout_s
        return {"request": call.question.request, "timeout": timeout_s, "metadata": metadata}

    def _failure(self, error: Any) -> errors.CqarError:
        """A failed call's error as one of the SDK's."""
        status = rpc_status.from_call(error)
        if status is not None:
            failure = errors.error_of_status(status)
        else:
            text = f"{self._target}: {error.details()}"
            failure = errors.error_of_code(error.code().value[0], text)
        failure.position = Position.of(error.trailing_metadata())
        return failure


class SyncGrpcTransport(GrpcTransport):
    """Calls that wait; any number of threads may share one channel."""

    _module = grpc

    def send(self, call: Call) -> Reply:
        try:
            message, done = self._unary(call).with_call(**self._arguments(call))
        except grpc.RpcError as error:
            raise self._failure(error) from error
        return _reply(message, done.trailing_metadata())

    def stream(self, call: Call) -> Generator[Reply]:
        running = self._streaming(call)(**self._arguments(call))
        try:
            for message in running:
                yield Reply(message, Position.in_message(message.freshness))
        except grpc.RpcError as error:
            raise self._failure(error) from error
        finally:
            running.cancel()

    def close(self) -> None:
        self._is_closed = True
        self._channel.close()


class AsyncGrpcTransport(GrpcTransport):
    """Calls that are awaited, in the event loop that made the channel."""

    _module = grpc.aio

    async def send(self, call: Call) -> Reply:
        running = self._unary(call)(**self._arguments(call))
        try:
            message = await running
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error
        return _reply(message, await running.trailing_metadata())

    async def stream(self, call: Call) -> AsyncGenerator[Reply]:
        running = self._streaming(call)(**self._arguments(call))
        try:
            async for message in running:
                yield Reply(message, Position.in_message(message.freshness))
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error
        finally:
            running.cancel()

    async def close(self) -> None:
        self._is_closed = True
        await self._channel.close()


def _reply(message: Any, trailing_metadata: Iterable[Any]) -> Reply:
    """Only a ResolveResponse says its position itself; the others' is in trailing metadata."""
    if isinstance(message, pb.ResolveResponse):
        return Reply(message, Position.in_message(message.resolution.freshness))
    return Reply(message, Position.of(trailing_metadata))


def key_metadata(key: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries an API key; none for an empty key.

    Raises:
        ValueError: The key has a form that no key has.
    """
    return (("authorization", f"Bearer {key}"),) if (key := require_key(key)) else ()


def reason_metadata(reason: str) -> tuple[tuple[str, str | bytes], ...]:
    """The metadata of a change's reason; text other than printable ASCII needs a `-bin` key."""
    if not reason:
        return ()
    if reason.isascii() and reason.isprintable():
        return (("cqar-reason", reason),)
    return (("cqar-reason-bin", reason.encode()),)


def make_channel(
    module: Any,
    target: str,
    credentials: grpc.ChannelCredentials | None,
    *,
    reads_only: bool = True,
) -> Any:
    """A channel of grpc or grpc.aio; plaintext without credentials.

    Args:
        reads_only: Whether gRPC may send a call again. A change must not be sent twice: the first
            one may have been committed although no response came.
    """
    options = _READ_OPTIONS if reads_only else _OPTIONS
    if credentials is None:
        # gRPC's default authority is the whole target; several addresses in it make an authority
        # that HTTP forbids.
        named = [("grpc.default_authority", "cqar")] if "," in target else []
        return module.insecure_channel(target, options=[*options, *named])
    return module.secure_channel(target, credentials, options=options)
