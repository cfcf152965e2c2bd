"""What stands around methods: once, when they are registered, and not anew with every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc

_LOOPBACK: Final = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D")


class Middleware:
    """Wraps methods.

    What it makes of a method depends on nothing but the method; whatever else there is to know it
    reads off the call's context. So it is no interceptor of gRPC's, which are asked with each
    call: that there is any costs every call 30 us.
    """

    def unary(self, call: Any, method: str) -> Any:  # noqa: ARG002
        """What is to be called instead, for one answer."""
        return call

    def stream(self, call: Any, method: str) -> Any:  # noqa: ARG002
        """What is to be called instead, for a stream of answers."""
        return call

    def unknown(self) -> None:
        """A method was called that no service has."""

    def wrapped(self, handler: Any, method: str) -> Any:
        """The handler of a method, which calls through this."""
        if handler.unary_unary is not None:
            return handler._replace(unary_unary=self.unary(handler.unary_unary, method))
        if handler.unary_stream is not None:
            return handler._replace(unary_stream=self.stream(handler.unary_stream, method))
        return handler  # reflection's, which reads a stream


class Methods:
    """A server's methods, wrapped, by their names.

    To be given to the generated `add_…_to_server` in place of the server.

    Args:
        wrappings: The first one is called first.
        registers: Whether the server is told of each method, too: one that is native serves no
            other. With n of them grpc.aio waits for n events at once, which costs each of its
            calls a microsecond for every one.
    """

    def __init__(
        self, server: grpc.aio.Server, wrappings: Sequence[Middleware], *, registers: bool
    ) -> None:
        self._server = server if registers else None
        self._wrappings = wrappings
        self._named: dict[str, Any] = {}
        server.add_generic_rpc_handlers([_ByName(self._named, wrappings)])

    def wrapped(self, handler: Any, method: str) -> Any:
        """A handler that calls through all of them."""
        for wrapping in reversed(self._wrappings):
            handler = wrapping.wrapped(handler, method)
        return handler

    def add_generic_rpc_handlers(self, _: Any) -> None:
        """The same methods, which generated code registers by name, too."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """The last handler of a name is the one that counts."""
        for name, handler in handlers.items():
            self.put(service, name, self.wrapped(handler, f"/{service}/{name}"))

    def put(self, service: str, name: str, handler: Any) -> None:
        """A method's handler as it is, called through nothing else."""
        self._named[f"/{service}/{name}"] = handler
        if self._server is not None:
            self._server.add_registered_method_handlers(service, {name: handler})


class _ByName(grpc.GenericRpcHandler):
    """Is asked for the handler of every call."""

    def __init__(self, named: Mapping[str, Any], wrappings: Sequence[Middleware]) -> None:
        self._named = named
        self._wrappings = wrappings

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        handler = self._named.get(handler_call_details.method)
        if handler is None:
            for wrapping in self._wrappings:
                wrapping.unknown()
        return handler


def metadata_of(context: grpc.aio.ServicerContext[Any, Any], name: str) -> str:
    """What a call's metadata says under a name; empty where it says nothing."""
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
