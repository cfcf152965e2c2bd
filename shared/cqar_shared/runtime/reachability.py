"""Whether what a service stands on answers, as the service itself finds."""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge

#: `dependency` is postgres, nats or redis: what a service does not look at it does not name.
UP: Final = Gauge(
    "cqar_dependency_up", "1 where it answered when it was asked last.", ["dependency"]
)
