"""Interceptors that cost a call one look into a dict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc


class Wrapping(grpc.aio.ServerInterceptor):
    """Wraps every method once, at its first call.

    gRPC asks its interceptors anew with each call. What these make of a method depends on nothing
    but the method; whatever else there is to know they read off the call's context. So all
    that are given after one must be such, too.
    """

    def __init__(self) -> None:
        #: As many as there are methods: what no service has is not kept.
        self._wrapped: dict[str, Any] = {}

    def unary(self, call: Any, method: str) -> Any:  # noqa: ARG002
        """What is to be called instead, for one answer."""
        return call

    def stream(self, call: Any, method: str) -> Any:  # noqa: ARG002
        """What is to be called instead, for a stream of answers."""
        return call

    def decoder(self, decode: Any) -> Any:
        """What is to read the request instead; None leaves it as bytes."""
        return decode

    def unknown(self) -> None:
        """A method was called that no service has."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None:
            self.unknown()
            return None
        if handler.unary_unary is not None:
            handler = handler._replace(unary_unary=self.unary(handler.unary_unary, method))
        elif handler.unary_stream is not None:
            handler = handler._replace(unary_stream=self.stream(handler.unary_stream, method))
        decode = self.decoder(handler.request_deserializer)
        self._wrapped[method] = wrapped = handler._replace(request_deserializer=decode)
        return wrapped


def metadata_of(context: grpc.aio.ServicerContext[Any, Any], name: str) -> str:
    """What a call's metadata says under a name; empty where it says nothing."""
    for key, value in context.invocation_metadata() or ():
        if key == name:
            return str(value)
    return ""
