"""Clients of a resolver: `Client` waits for each answer, `AsyncClient` awaits it."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

import grpc

from cqar.sdk.async_api import AsyncApi
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.grpc_transport import AsyncGrpcTransport, SyncGrpcTransport
from cqar.sdk.session_position import MinRevision, SessionPosition
from cqar.sdk.sync_api import SyncApi

#: Where a resolver on the same machine listens.
SIDECAR: Final = "127.0.0.1:9091"


class Client(SyncApi):
    """A client for any number of threads. It connects with the first call and reconnects by itself.

    Args:
        target: host:port, unix:/path/of/socket, or any name that gRPC resolves. Calls rotate over
            the reachable addresses behind a name.
        key: An API key; a resolver on this machine wants none.
        timeout_s: Default timeout of each call, retries included.
        credentials: `grpc.ssl_channel_credentials(…)`; None: plaintext.
        min_revision: `seen`: no answer is older than any before it, also where several resolvers
            answer; the client waits for a resolver that lags. `told`: only positions given to
            `carry` count; choose it where an answer at once matters more.
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
        session = SessionPosition(min_revision)
        self._grpc = SyncGrpcTransport(target, key, credentials)
        super().__init__(self._grpc, session, timeout_s)

    def close(self) -> None:
        """Close the channel; calls in flight fail."""
        self._grpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(AsyncApi):
    """A client for asyncio, used in one event loop of a process, as gRPC requires.

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
        session = SessionPosition(min_revision)
        self._grpc = AsyncGrpcTransport(target, key, credentials)
        super().__init__(self._grpc, session, timeout_s)

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        await self._grpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()
