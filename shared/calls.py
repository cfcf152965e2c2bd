"""Every call: its request id, one log line, its count and its time."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
from prometheus_client import Counter, Histogram

from shared.auth import caller
from shared.grpc_errors import Context
from shared.telemetry import request_id

log = logging.getLogger(__name__)

REQUEST_ID_HEADER: Final = "x-request-id"
REQUEST_ID_CHARS_MAX: Final = 128

#: `method` is a closed set: what no service here serves is `unknown`.
CALLS: Final = Counter("cqar_grpc_calls_total", "gRPC calls ended.", ["method", "code"])
CALL_SECONDS: Final = Histogram(
    "cqar_grpc_call_seconds",
    "From a call's arrival to its answer.",
    ["method"],
    buckets=(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
#: What the service, not the caller, is to be looked at for.
OURS: Final = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "DEADLINE_EXCEEDED"})
_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class CallInterceptor(grpc.aio.ServerInterceptor):
    """To be given before `ErrorInterceptor`, whose statuses it counts.

    Args:
        is_read: Whether a method only reads: reads are logged at DEBUG, changes at INFO.
    """

    def __init__(self, is_read: Callable[[str], bool]) -> None:
        self._is_read = is_read

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            CALLS.labels("unknown", "UNIMPLEMENTED").inc()
            return None
        if handler.unary_unary is not None:
            return handler._replace(unary_unary=self._unary(handler.unary_unary, method))
        if handler.unary_stream is not None:
            return handler._replace(unary_stream=self._stream(handler.unary_stream, method))
        return handler

    def _unary(self, call: Any, method: str) -> Any:
        async def observed(request: Any, context: Context) -> Any:
            _identify(context)
            began = time.perf_counter()
            try:
                return await call(request, context)
            finally:
                self._note(method, context, time.perf_counter() - began)

        return observed

    def _stream(self, call: Any, method: str) -> Any:
        async def observed(request: Any, context: Context) -> AsyncIterator[Any]:
            _identify(context)
            began = time.perf_counter()
            try:
                async for answer in call(request, context):
                    yield answer
            finally:
                self._note(method, context, time.perf_counter() - began)

        return observed

    def _note(self, method: str, context: Context, seconds: float) -> None:
        name = method.rpartition("/")[2]
        code = _code_of(context)
        CALLS.labels(name, code).inc()
        CALL_SECONDS.labels(name).observe(seconds)
        level = logging.DEBUG if self._is_read(method) else logging.INFO
        if code in OURS:
            level = logging.WARNING
        if log.isEnabledFor(level):
            who = caller.get(None)
            said = {"method": name, "code": code, "ms": round(seconds * 1000, 3)}
            fields = {**said, "actor": who.actor if who else ""}
            log.log(level, "%s %s in %.1f ms", name, code, seconds * 1000, extra={"fields": fields})


def _identify(context: Context) -> None:
    given = dict(context.invocation_metadata() or ()).get(REQUEST_ID_HEADER, "")
    request_id.set(str(given)[:REQUEST_ID_CHARS_MAX] or uuid.uuid4().hex)


def _code_of(context: Context) -> str:
    """A call that its client gave up has no code."""
    if context.cancelled():
        return "CANCELLED"
    code: Any = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code or 0, "UNKNOWN")
