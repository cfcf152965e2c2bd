"""Sends traces if `traces_url` is set; otherwise these functions do nothing.

The context of a mutation's trace travels in its change set. So one trace contains the call, its
SQL, the publication, and the application at each resolver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import grpc
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.runtime import optional_extras
from cqar_shared.runtime.config import ServiceConfig

if TYPE_CHECKING:
    from cqar_shared.runtime.otel import OpenTelemetry

#: The header that carries W3C trace context.
TRACEPARENT: Final = "traceparent"

_running: OpenTelemetry | None = None


def start(service: str, config: ServiceConfig) -> None:
    """Trace this process from now on, if `traces_url` is set.

    Raises:
        MissingExtra: the extra is not installed.
    """
    global _running  # noqa: PLW0603  (a process has one tracer, or none)
    if not config.traces_url:
        return
    otel = optional_extras.require_extra(
        "cqar_shared.runtime.otel", "configuration: traces_url", "otel"
    )
    _running = otel.OpenTelemetry(service, config.traces_url, config.traces_sampled)


def stop() -> None:
    """Send the remaining spans."""
    if _running is not None:
        _running.shutdown()


def instrument(engine: AsyncEngine) -> AsyncEngine:
    """Trace the statements of an engine, and return it."""
    if _running is not None:
        _running.instrument(engine)
    return engine


def interceptors() -> list[grpc.aio.ServerInterceptor]:
    return [] if _running is None else [_running.interceptor()]


@contextmanager
def span(name: str, parent: Callable[[], str], **attributes: int | str) -> Iterator[None]:
    """Continue the trace of another process with a span, if it has one.

    Args:
        parent: Returns the W3C trace context; only called if traces are sent.
    """
    if _running is not None and (context := parent()):
        with _running.span(name, context, attributes):
            yield
    else:
        yield


def traceparent() -> str:
    """The W3C trace context of the current span; empty if it is not sampled."""
    return "" if _running is None else _running.traceparent()


def trace_id() -> str:
    """Trace id of the current span, in hexadecimal; empty if there is none."""
    return "" if _running is None else _running.trace_id()
