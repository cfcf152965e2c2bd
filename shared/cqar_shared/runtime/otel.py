"""Sets up OpenTelemetry. Needs the extra `cqar[otel]`; only `tracing` imports this module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.runtime.version import version


class RequestsOnly(Sampler):
    """Samples a fraction of the requests. Traces of other work, such as polling, would be noise."""

    def __init__(self, fraction: float) -> None:
        self._fraction = TraceIdRatioBased(fraction)

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        *rest: Any,
        **more: Any,
    ) -> SamplingResult:
        if kind is not SpanKind.SERVER:
            return SamplingResult(Decision.DROP)
        return self._fraction.should_sample(parent_context, trace_id, name, kind, *rest, **more)

    def get_description(self) -> str:
        return f"requests only, {self._fraction.get_description()}"


class OpenTelemetry:
    """Sends this process's spans by OTLP over gRPC, and instruments asyncpg and Redis.

    Args:
        url: http://host:4317, or https://.
        sampled: Fraction of the traces begun here that are kept; a caller's own decision counts.
    """

    def __init__(self, service: str, url: str, sampled: float) -> None:
        resource = Resource.create({"service.name": service, "service.version": version()})
        sampler = ParentBased(RequestsOnly(sampled))
        self._provider = TracerProvider(resource=resource, sampler=sampler)
        exporter = OTLPSpanExporter(endpoint=url, insecure=url.startswith("http://"))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("cqar", version())
        self._propagator = TraceContextTextMapPropagator()
        for instrumentor in (AsyncPGInstrumentor, RedisInstrumentor):
            instrumentor().instrument(tracer_provider=self._provider)

    def instrument(self, engine: AsyncEngine) -> None:
        SQLAlchemyInstrumentor().instrument(
            engine=engine.sync_engine, tracer_provider=self._provider
        )

    def interceptor(self) -> grpc.aio.ServerInterceptor:
        asked = filters.negate(filters.health_check())
        made: Any = aio_server_interceptor
        found: grpc.aio.ServerInterceptor = made(tracer_provider=self._provider, filter_=asked)
        return found

    @contextmanager
    def span(self, name: str, parent: str, attributes: dict[str, int | str]) -> Iterator[None]:
        context = self._propagator.extract({"traceparent": parent})
        with self._tracer.start_as_current_span(name, context, attributes=attributes):
            yield

    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        if trace.get_current_span().get_span_context().trace_flags.sampled:
            self._propagator.inject(carrier)
        return carrier.get("traceparent", "")

    def trace_id(self) -> str:
        found = trace.get_current_span().get_span_context()
        return format(found.trace_id, "032x") if found.is_valid else ""

    def shutdown(self) -> None:
        self._provider.shutdown()
