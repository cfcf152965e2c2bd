"""Clients of a resolver: `Client` waits for each answer, `AsyncClient` awaits it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc
import grpc.aio

from cqar.sdk.async_api import AsyncApi
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.errors import closed_error
from cqar.sdk.grpc_transport import GrpcTransport, make_channel
from cqar.sdk.questions import Question
from cqar.sdk.session_position import MinRevision, Position, SessionPosition
from cqar.sdk.sync_api import SyncApi

#: Where a resolver beside this program listens.
SIDECAR: Final = "127.0.0.1:9091"

T = TypeVar("T")


class Client(SyncApi):
    """Any number of threads may share one. It connects when it is first asked, and again by itself.

    Args:
        target: host:port, unix:/path/of/socket, or any name that gRPC resolves; of several
            addresses behind it those that are there are asked in turn.
        key: An API key; a resolver on this machine wants none.
        timeout_s: For each question, where none is given with it; tries again included.
        credentials: `grpc.ssl_channel_credentials(…)`; None: plaintext.
        min_revision: `seen`: no answer is older than any before it, also where several resolvers
            answer; one that lags is waited for. `told`: only what `carry` was told counts, and
            an answer at once matters more.
    """

    def __init__(
        self,
        target: str = SIDECAR,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        min_revision: MinRevision = "seen",
    ) -> None:
        super().__init__(timeout_s, SessionPosition(min_revision))
        self._channel = make_channel(grpc, target, credentials)
        self._calling = GrpcTransport(self._channel, target, key, self._session)
        self._is_closed = False

    def ask(self, question: Question[T], timeout_s: float) -> T:
        if self._is_closed:
            raise closed_error()
        calling = self._calling
        method: Any = calling.unary(question)
        try:
            answer, call = method.with_call(
                question.request, timeout=timeout_s, metadata=calling.metadata()
            )
        except grpc.RpcError as error:
            raise calling.failure(error) from error
        calling.learn(call.trailing_metadata(), answer)
        return question.read(answer)

    def follow(self, question: Question[T], timeout_s: float | None) -> Generator[T, None, None]:
        if self._is_closed:
            raise closed_error()
        calling = self._calling
        call = calling.stream(question)(
            question.request, timeout=timeout_s, metadata=calling.metadata()
        )
        try:
            for answer in call:
                self._session.observe(Position.in_message(answer.freshness))
                yield question.read(answer)
        except grpc.RpcError as error:
            raise calling.failure(error) from error
        finally:
            call.cancel()

    def close(self) -> None:
        """End it; questions that run fail."""
        self._is_closed = True
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(AsyncApi):
    """The same for asyncio: made, asked and closed in one event loop, one a process as gRPC wants.

    Args:
        target, key, timeout_s, credentials, min_revision: As those of `Client`.
    """

    def __init__(
        self,
        target: str = SIDECAR,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        min_revision: MinRevision = "seen",
    ) -> None:
        super().__init__(timeout_s, SessionPosition(min_revision))
        self._channel = make_channel(grpc.aio, target, credentials)
        self._calling = GrpcTransport(self._channel, target, key, self._session)
        self._is_closed = False

    async def ask(self, question: Question[T], timeout_s: float) -> T:
        if self._is_closed:
            raise closed_error()
        calling = self._calling
        call = calling.unary(question)(
            question.request, timeout=timeout_s, metadata=calling.metadata()
        )
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            raise calling.failure(error) from error
        calling.learn(await call.trailing_metadata(), answer)
        return question.read(answer)

    async def follow(
        self, question: Question[T], timeout_s: float | None
    ) -> AsyncGenerator[T, None]:
        if self._is_closed:
            raise closed_error()
        calling = self._calling
        call = calling.stream(question)(
            question.request, timeout=timeout_s, metadata=calling.metadata()
        )
        try:
            async for answer in call:
                self._session.observe(Position.in_message(answer.freshness))
                yield question.read(answer)
        except grpc.aio.AioRpcError as error:
            raise calling.failure(error) from error
        finally:
            call.cancel()

    async def close(self) -> None:
        """End it; questions that run are cancelled."""
        self._is_closed = True
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()
