"""Calls to a writer and to resolvers, for programs that wait for each answer.

Errors come as one exception with a sentence: what happened, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import grpc
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from cqar.sdk.grpc_transport import KEEPALIVE
from cqar.sdk.key_form import require_key
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX

CALL_TIMEOUT_S: Final = 60.0
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    *KEEPALIVE,
]


class CallFailed(Exception):
    """A call was refused or not answered; the text is for people.

    Attributes:
        code: gRPC's status name, such as NOT_FOUND.
        reason: The registry's own, such as VENUE_NOT_FOUND; empty when there is none.
    """

    def __init__(self, text: str, code: str, reason: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason


class Connection:
    """One channel to one server, and the services it may offer.

    Args:
        address: host:port, or unix:PATH.
        key: An API key; empty for a resolver on this machine.
        credentials: Those of TLS; None: plaintext.

    Raises:
        ValueError: The key has a form that no key has.
    """

    def __init__(
        self, address: str, key: str = "", credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        self.address = address
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=_OPTIONS)
        bearer = (("authorization", f"Bearer {key}"),) if (key := require_key(key)) else ()
        self._metadata: tuple[tuple[str, str | bytes], ...] = bearer
        # The stubs' types are those of asyncio; at run time they serve either kind of channel.
        channel: Any = self._channel
        self.registry: Any = AssetRegistryStub(channel)
        self.admin: Any = RegistryAdminStub(channel)
        self.resolver: Any = ResolverStub(channel)
        self._stubs = {
            "cqc.services.v1.AssetRegistry": self.registry,
            "cqc.writer.v1.RegistryAdmin": self.admin,
            "cqc.resolver.v1.Resolver": self.resolver,
        }

    def method(self, service: str, name: str) -> Callable[..., Any]:
        """The method of a service, by the service's full name."""
        found: Callable[..., Any] = getattr(self._stubs[service], name)
        return found

    def call(
        self,
        method: Callable[..., Any],
        request: Any,
        reason: str = "",
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Any:
        """Call a method of one of the services.

        Args:
            reason: Why, for the audit log.
            metadata: What else to send along.

        Raises:
            CallFailed: Refused or not answered.
        """
        sent = self._sent(reason, metadata)
        try:
            return method(request, metadata=sent, timeout=CALL_TIMEOUT_S)
        except grpc.RpcError as error:
            raise failure_of(error, self.address) from error

    def stream(
        self,
        method: Callable[..., Any],
        request: Any,
        reason: str = "",
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Iterator[Any]:
        """The answers of a method that streams them, as they come and without a deadline.

        Raises:
            CallFailed: Refused, or broken off; answers may have come before.
        """
        try:
            yield from method(request, metadata=self._sent(reason, metadata))
        except grpc.RpcError as error:
            raise failure_of(error, self.address) from error

    def _sent(
        self, reason: str, metadata: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str | bytes]]:
        return [*self._metadata, *_told(reason), *metadata]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._channel.close()


def _told(reason: str) -> list[tuple[str, str | bytes]]:
    """The reason as metadata: gRPC carries other than printable ASCII under `-bin` only."""
    if not reason:
        return []
    if reason.isascii() and reason.isprintable():
        return [("cqar-reason", reason)]
    return [("cqar-reason-bin", reason.encode())]


def failure_of(error: Any, address: str) -> CallFailed:
    """A gRPC error in words."""
    code = error.code().name
    status = rpc_status.from_call(error)
    if status is None and code == "UNAVAILABLE":
        text = f"{address} does not answer. Is the stack up? Start one with: cqar up --detach"
        return CallFailed(text, code)
    if status is None:
        return CallFailed(f"{address}: {code}: {error.details()}", code)
    reason = ""
    lines = [status.message]
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            lines = [f"{v.field or 'request'}: {v.description}" for v in bad.field_violations]
    return CallFailed("\n".join(lines), code, reason)
