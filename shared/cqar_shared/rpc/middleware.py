"""Wraps gRPC methods once, when they are registered, instead of with every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc

_LOOPBACK: Final = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D")


class Middleware:
    """Wraps methods.

    The wrapper depends only on the method, and reads everything else from the call's context. It is
    not a gRPC interceptor: gRPC asks those with each call, which costs 30 us.
    """

    def unary(self, call: Any, method: str) -> Any:  # noqa: ARG002
        """Return what is called instead of a method with one answer."""
        return call

    def stream(self, call: Any, method: str) -> Any:  # noqa: ARG002
        """Return what is called instead of a method with a stream of answers."""
        return call

    def unknown(self) -> None:
        """Handle a call of a method that no service has."""

    def wrapped(self, handler: Any, method: str) -> Any:
        """Return the handler of a method, wrapped."""
        if handler.unary_unary is not None:
            return handler._replace(unary_unary=self.unary(handler.unary_unary, method))
        if handler.unary_stream is not None:
            return handler._replace(unary_stream=self.stream(handler.unary_stream, method))
        return handler  # reflection's, which reads a stream


class Methods:
    """A server's wrapped methods, by their names.

    Pass it to the generated `add_…_to_server` instead of the server.

    Args:
        middleware: Wrappers of all methods; the first one is called first.
        registers: Whether to register each method with the server too. The native server needs
            it. grpc.aio does not, and each registered method costs all its calls a microsecond.
    """

    def __init__(
        self, server: grpc.aio.Server, middleware: Sequence[Middleware], *, registers: bool
    ) -> None:
        self._server = server if registers else None
        self._middleware = middleware
        self._named: dict[str, Any] = {}
        server.add_generic_rpc_handlers([_ByName(self._named, middleware)])

    def wrapped(self, handler: Any, method: str) -> Any:
        """Return the handler of a method, wrapped by all middleware."""
        for wrapper in reversed(self._middleware):
            handler = wrapper.wrapped(handler, method)
        return handler

    def add_generic_rpc_handlers(self, _: Any) -> None:
        """Do nothing: generated code also registers the same methods by name."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Add handlers; the last one of a name counts."""
        for name, handler in handlers.items():
            self.put(service, name, self.wrapped(handler, f"/{service}/{name}"))

    def put(self, service: str, name: str, handler: Any) -> None:
        """Add the handler of a method without wrapping it."""
        self._named[f"/{service}/{name}"] = handler
        if self._server is not None:
            self._server.add_registered_method_handlers(service, {name: handler})


class _ByName(grpc.GenericRpcHandler):
    """Returns the handler of every call."""

    def __init__(self, named: Mapping[str, Any], middleware: Sequence[Middleware]) -> None:
        self._named = named
        self._middleware = middleware

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        handler = self._named.get(handler_call_details.method)
        if handler is None:
            for wrapper in self._middleware:
                wrapper.unknown()
        return handler


def metadata_of(context: grpc.aio.ServicerContext[Any, Any], name: str) -> str:
    """The value of a name in a call's metadata; empty if it is absent."""
    for key, value in context.invocation_metadata() or ():
        if key == name:
            return str(value)
    return ""


def peer_of(address: str) -> str:
    """Identify a caller without a key by gRPC's name of its connection.

    On loopback this is the connection, because all callers have one address there. Elsewhere it
    is the address without its port. All callers of a Unix socket are `unix:`.
    """
    if address.startswith(_LOOPBACK) or not address.startswith("ip"):
        return address
    return address.rpartition(":")[0]
