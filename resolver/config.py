"""What a resolver needs to run, from CQAR_RESOLVER_* and `resolver:` in config.yaml."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from shared.config import ServiceConfig

SECTION: Final = "resolver"


class ResolverConfig(ServiceConfig, frozen=True, kw_only=True):
    """Names end in their unit.

    Attributes:
        database_url: Read-only rights suffice.
        grpc_listen: On loopback no key is asked for; elsewhere an API key with role read.
        http_listen: HOST:PORT of /health and /metrics.
        socket: Path of a Unix socket beside it; its mode (0660) is its authentication.
        writer: The writer's address, for the error that mutations get here.
        stale_after_s: Without a confirmed head for this long, answers say STALE.
        probe_every_s: How often the head is asked for; each probe is one NATS round trip.
    """

    grpc_listen: str = "127.0.0.1:9091"
    http_listen: str = "127.0.0.1:8081"
    socket: str = ""
    writer: str = "the writer"
    stale_after_s: Annotated[float, Meta(ge=2, le=3600)] = 5.0
    probe_every_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
