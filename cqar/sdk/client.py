"""Clients of a resolver: `Client` waits for each answer, `AsyncClient` awaits it."""

from __future__ import annotations

from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import grpc

from cqar.sdk.async_api import AsyncApi
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.errors import NotReady
from cqar.sdk.grpc_transport import AsyncGrpcTransport, SyncGrpcTransport
from cqar.sdk.session_position import MinRevision, SessionPosition
from cqar.sdk.sync_api import SyncApi
from cqar.sdk.transport import Call

if TYPE_CHECKING:
    from cqar.sdk.reject_reports import RejectReport

#: Where a resolver on the same machine listens.
SIDECAR: Final = "127.0.0.1:9091"
NO_WRITER: Final = "a report goes to a writer: give Client(…, writer='host:port')"


def _report_call(*about: Any) -> Call:
    """The call of `report_reject`; only who reports needs the contract of writers."""
    call: Call = import_module("cqar.sdk.reject_reports").report_call(*about)
    return call


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
        writer: host:port of a writer, for `report_reject` alone.
    """

    def __init__(
        self,
        target: str = SIDECAR,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        min_revision: MinRevision = "seen",
        writer: str = "",
    ) -> None:
        session = SessionPosition(min_revision)
        self._grpc = SyncGrpcTransport(target, key, credentials)
        self._writer = SyncGrpcTransport(writer, key, credentials) if writer else None
        super().__init__(self._grpc, session, timeout_s)

    def report_reject(
        self, venue: str, symbol: str, code: str, message: str = "", **details: Any
    ) -> RejectReport:
        """Tell the registry that a venue refused an order. It changes nothing of what is known.

        Enough reports of several actors make a finding, which people decide, and deny opening
        until then: DOUBTED_BY_REJECTS. It takes at most two seconds; an executor that must not
        wait calls it in a thread, and ignores its errors.

        Args:
            code, message: The venue's own.
            details: `price`, `quantity`, `occurred_at`, `reason` (such as LOT, where the caller
                knows) and `timeout_s`.

        Raises:
            NotReady: The client knows no writer, or it does not answer.
            NotFound: There is no such venue.
            InvalidRequest: A detail is none.
        """
        if self._writer is None:
            raise NotReady(NO_WRITER)
        call = _report_call(venue, symbol, code, message, details)
        report: RejectReport = call.question.read(self._writer.send(call).message)
        return report

    def close(self) -> None:
        """Close the channels; calls in flight fail."""
        self._grpc.close()
        if self._writer is not None:
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(AsyncApi):
    """A client for asyncio, used in one event loop of a process, as gRPC requires.

    Args:
        target, key, timeout_s, credentials, min_revision, writer: As those of `Client`.
    """

    def __init__(
        self,
        target: str = SIDECAR,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        min_revision: MinRevision = "seen",
        writer: str = "",
    ) -> None:
        session = SessionPosition(min_revision)
        self._grpc = AsyncGrpcTransport(target, key, credentials)
        self._writer = AsyncGrpcTransport(writer, key, credentials) if writer else None
        super().__init__(self._grpc, session, timeout_s)

    async def report_reject(
        self, venue: str, symbol: str, code: str, message: str = "", **details: Any
    ) -> RejectReport:
        """Tell the registry that a venue refused an order, as `Client.report_reject` does."""
        if self._writer is None:
            raise NotReady(NO_WRITER)
        call = _report_call(venue, symbol, code, message, details)
        report: RejectReport = call.question.read((await self._writer.send(call)).message)
        return report

    async def close(self) -> None:
        """Close the channels; calls in flight are cancelled."""
        await self._grpc.close()
        if self._writer is not None:
            await self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()
