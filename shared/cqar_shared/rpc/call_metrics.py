"""Gives every call a request id, logs it, and measures count and time."""

from __future__ import annotations

import itertools
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from functools import cache, partial
from typing import Any, Final

import grpc
from prometheus_client import Counter

from cqar_shared.rpc.auth import caller
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import Middleware, metadata_of
from cqar_shared.runtime.fast_histogram import FastHistogram
from cqar_shared.runtime.telemetry import request_id

log = logging.getLogger(__name__)

REQUEST_ID_HEADER: Final = "x-request-id"
REQUEST_ID_CHARS_MAX: Final = 128

#: `method` is a closed set: what no service here serves is `unknown`.
CALLS: Final = Counter("cqar_grpc_calls_total", "gRPC calls ended.", ["method", "code"])
CALL_SECONDS: Final = FastHistogram(
    "cqar_grpc_call_seconds",
    "From a call's arrival to its answer.",
    ["method"],
    buckets=(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
#: Codes that are the service's fault, not the caller's.
OURS: Final = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "DEADLINE_EXCEEDED"})
#: Prefix of request ids made here: with a number unique, and 2 us cheaper than a random id.
_PROCESS: Final = uuid.uuid4().hex[:16]
_numbers: Final = itertools.count(1)
_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class CallInterceptor(Middleware):
    """Counts, times and logs calls; it comes before `ErrorInterceptor`, whose statuses it counts.

    Args:
        is_read: Whether a method only reads: reads are logged at DEBUG, changes at INFO.
    """

    def __init__(self, is_read: Callable[[str], bool]) -> None:
        self._is_read = is_read

    def unknown(self) -> None:
        CALLS.labels("unknown", "UNIMPLEMENTED").inc()

    def unary(self, call: Any, method: str) -> Any:
        note = self._noting(method)

        async def observed(request: Any, context: Context) -> Any:
            _identify(context)
            began = time.perf_counter()
            try:
                return await call(request, context)
            finally:
                note(context, time.perf_counter() - began)

        return observed

    def stream(self, call: Any, method: str) -> Any:
        note = self._noting(method)

        async def observed(request: Any, context: Context) -> AsyncIterator[Any]:
            _identify(context)
            began = time.perf_counter()
            try:
                async for answer in call(request, context):
                    yield answer
            finally:
                note(context, time.perf_counter() - began)

        return observed

    def _noting(self, method: str) -> Callable[[Context, float], None]:
        """Return the function that counts and logs a call's end; its metrics are looked up once."""
        name = method.rpartition("/")[2]
        usual_level = logging.DEBUG if self._is_read(method) else logging.INFO
        observe, calls_of = CALL_SECONDS.of(name), cache(partial(CALLS.labels, name))
        calls_of("INTERNAL")  # starts at 0, so that the first one is an increase and an alert

        def note(context: Context, seconds: float) -> None:
            code = _code_of(context)
            calls_of(code).inc()
            observe(seconds)
            level = logging.WARNING if code in OURS else usual_level
            if log.isEnabledFor(level):
                who = caller.get(None)
                said = {"method": name, "code": code, "ms": round(seconds * 1000, 3)}
                fields = {**said, "actor": who.actor if who else ""}
                text = "%s %s in %.1f ms"
                log.log(level, text, name, code, seconds * 1000, extra={"fields": fields})

        return note


def succeeded(name: str) -> Callable[[float], None]:
    """Return the function that counts a successful call of a method by its seconds."""
    observe, calls = CALL_SECONDS.of(name), CALLS.labels(name, "OK")

    def count(seconds: float) -> None:
        calls.inc()
        observe(seconds)

    return count


def is_logged() -> bool:
    """Whether each read is logged."""
    return log.isEnabledFor(logging.DEBUG)


def _identify(context: Context) -> None:
    given = metadata_of(context, REQUEST_ID_HEADER)
    request_id.set(given[:REQUEST_ID_CHARS_MAX] or f"{_PROCESS}-{next(_numbers):x}")


def _code_of(context: Context) -> str:
    """The status of a call; CANCELLED if the client gave up."""
    if context.cancelled():
        return "CANCELLED"
    code: Any = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code or 0, "UNKNOWN")
