"""Blocking calls to a writer and to resolvers.

A call that fails raises `CallFailed`, whose text says what happened and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import grpc
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.writer.v1 import registry_admin_pb2 as pb
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub
from grpc_status import rpc_status

from cqar.sdk import errors
from cqar.sdk.grpc_transport import key_metadata, make_channel, reason_metadata

CALL_TIMEOUT_S: Final = 60.0


class CallFailed(Exception):
    """A call was refused or not answered; the text is for users.

    Attributes:
        code: gRPC's status name, such as NOT_FOUND.
        reason: The registry's reason, such as VENUE_NOT_FOUND; empty without one.
        violations: What is wrong with fields of the request, each with `field` and `message`.
        request: What was asked; None where it is not known.
        near: What the server says is spelled nearly like what it did not find.
    """

    def __init__(
        self, text: str, code: str, reason: str = "", violations: Sequence[Any] = ()
    ) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.violations = violations
        self.request: Any = None
        self.near: tuple[str, ...] = ()

    def reworded(self, text: str) -> CallFailed:
        """The same failure with another text."""
        other = CallFailed(text, self.code, self.reason, self.violations)
        other.request, other.near = self.request, self.near
        return other


class Connection:
    """A channel to one server, and the stubs of its services.

    Attributes:
        timeout_s: How long a call may take; a stream may take any time.

    Args:
        address: host:port, or unix:PATH.
        key: An API key; empty for a resolver on this machine.
        credentials: TLS credentials; None: plaintext.

    Raises:
        ValueError: the key does not have the form of a key.
    """

    def __init__(
        self, address: str, key: str = "", credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        self.address = address
        self.timeout_s = CALL_TIMEOUT_S
        self._metadata: tuple[tuple[str, str | bytes], ...] = key_metadata(key)
        self._channel = make_channel(grpc, address, credentials, reads_only=False)
        # The stubs are typed for asyncio; at run time they accept either kind of channel.
        self.registry: Any = AssetRegistryStub(self._channel)
        self.admin: Any = RegistryAdminStub(self._channel)
        self.resolver: Any = ResolverStub(self._channel)
        self._stubs = {
            "cqc.services.v1.AssetRegistry": self.registry,
            "cqc.writer.v1.RegistryAdmin": self.admin,
            "cqc.resolver.v1.Resolver": self.resolver,
        }

    def method(self, service: str, name: str) -> Callable[..., Any]:
        """The method of a service, by the service's full name."""
        method: Callable[..., Any] = getattr(self._stubs[service], name)
        return method

    def call(
        self,
        method: Callable[..., Any],
        request: Any,
        reason: str = "",
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Any:
        """Call a method of one of the services.

        Args:
            reason: Reason for the audit log.
            metadata: Further metadata to send.

        Raises:
            CallFailed: the call was refused or not answered.
        """
        headers = self._headers(reason, metadata)
        try:
            return method(request, metadata=headers, timeout=self.timeout_s)
        except grpc.RpcError as error:
            failed = call_failed(error, self.address, self.timeout_s)
            failed.request = request
            raise failed from error

    def stream(
        self,
        method: Callable[..., Any],
        request: Any,
        reason: str = "",
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Iterator[Any]:
        """The responses of a streaming method as they come, without a deadline.

        Raises:
            CallFailed: the call was refused or broke off; responses may have come before.
        """
        try:
            yield from method(request, metadata=self._headers(reason, metadata))
        except grpc.RpcError as error:
            raise call_failed(error, self.address) from error

    def apply(self, request: pb.ApplyRequest, reason: str, subject: str) -> pb.ApplyResponse:
        """Call Apply; all items are accepted or none is.

        Args:
            subject: What a violation is about that names no field.

        Raises:
            CallFailed: an item violates a rule; the text lists the violations.
        """
        response: pb.ApplyResponse = self.call(self.admin.Apply, request, reason)
        violations = [v for outcome in response.outcomes for v in outcome.violations]
        if violations:
            lines = [f"{v.field or subject}: {v.message}" for v in violations]
            raise CallFailed("\n".join(lines), "INVALID_ARGUMENT", violations[0].reason)
        return response

    def _headers(
        self, reason: str, metadata: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str | bytes]]:
        return [*self._metadata, *reason_metadata(reason), *metadata]

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


def tls_credentials(ca: str, certificate: str, key: str) -> grpc.ChannelCredentials:
    """The credentials that PEM files hold.

    Args:
        ca: File of the authorities to trust.
        certificate, key: Files of the client's certificate and its key; empty: it has none.

    Raises:
        OSError: A file cannot be read.
    """
    contents = [Path(name).read_bytes() if name else None for name in (ca, key, certificate)]
    return grpc.ssl_channel_credentials(*contents)


#: gRPC's own status, which no server of CQAR explains -> what it means of an address.
_WORDS: Final = {
    "CANCELLED": "ended the call",
    "DEADLINE_EXCEEDED": "did not answer within {timeout}",
    "INTERNAL": "does not speak gRPC as CQAR does: is it another server, or behind a proxy?",
    "RESOURCE_EXHAUSTED": "has more to say than one answer holds: ask for less, or by pages",
    "UNIMPLEMENTED": "has no such call: is it a resolver and not a writer, or an older release?",
    "UNKNOWN": "does not speak gRPC as CQAR does: is it another server, or behind a proxy?",
}


def call_failed(error: Any, address: str, timeout_s: float = CALL_TIMEOUT_S) -> CallFailed:
    """A gRPC error as a `CallFailed`; `timeout_s` is how long the call could take."""
    code = error.code().name
    status = rpc_status.from_call(error)
    if status is None and code == "UNAVAILABLE":
        text = f"{address} does not answer. Is the stack up? Start one with: cqar up --detach"
        return CallFailed(text, code)
    if status is None:
        words = _WORDS.get(code, "broke the call off").format(timeout=f"{timeout_s:g} s")
        quoted = ": ".join(filter(None, (code, error.details())))
        return CallFailed(f"{address} {words} ({quoted})", code)
    details = errors.error_of_status(status)
    lines = [f"{v.field or 'request'}: {v.message}" for v in details.violations]
    text = "\n".join(lines or [status.message])
    failed = CallFailed(text, code, details.reason, details.violations)
    failed.near = details.near if isinstance(details, errors.NotFound) else ()
    return failed
