"""Traces, where a service is told to send them; elsewhere all this does nothing.

A mutation's trace goes where its change set goes: the context travels in the change set, so that
one trace holds the call, its SQL, the publishing and each resolver's applying.
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
    """Trace this process from now on, if the configuration says where to.

    Raises:
        MissingExtra: The extra is not installed.
    """
    global _running  # noqa: PLW0603  (a process has one tracer, or none)
    if not config.traces_url:
        return
    otel = optional_extras.require_extra(
        "cqar_shared.runtime.otel", "configuration: traces_url", "otel"
    )
    _running = otel.OpenTelemetry(service, config.traces_url, config.traces_sampled)


def stop() -> None:
    """Send what is still to be sent."""
    if _running is not None:
        _running.shutdown()


def instrument(engine: AsyncEngine) -> AsyncEngine:
    """The engine, whose statements are traced."""
    if _running is not None:
        _running.instrument(engine)
    return engine


def interceptors() -> list[grpc.aio.ServerInterceptor]:
    return [] if _running is None else [_running.interceptor()]


@contextmanager
def span(name: str, parent: Callable[[], str], **attributes: int | str) -> Iterator[None]:
    """A span of another process's trace; none where that is not traced.

    Args:
        parent: Gives the W3C trace context; only asked where there is tracing.
    """
    if _running is not None and (context := parent()):
        with _running.span(name, context, attributes):
            yield
    else:
        yield


def traceparent() -> str:
    """The current span as W3C trace context; empty if none is sampled."""
    return "" if _running is None else _running.traceparent()


def trace_id() -> str:
    """Of the current span, in hexadecimal; empty where there is none."""
    return "" if _running is None else _running.trace_id()
