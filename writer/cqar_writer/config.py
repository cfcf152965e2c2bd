"""The writer's settings, from CQAR_WRITER_* and `writer:` in config.yaml."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from cqar_shared.runtime.config import ServiceConfig

SECTION: Final = "writer"


class WriterConfig(ServiceConfig, frozen=True, kw_only=True):
    """Names end in their unit. Defaults are safe for production, not for a laptop.

    Attributes:
        database_url: No transaction-pooling proxy in front of it: the relay holds a session's
            lock.
        grpc_listen: HOST:PORT. Without TLS on loopback only, unless `plaintext_anywhere`.
        http_listen: HOST:PORT of /health and /metrics.
        database_connections_max: To PostgreSQL, of this process; the relay and the caches hold some
            of them for good.
        relay_poll_s: The relays are woken by NOTIFY; polling only covers a lost notification.
        archive_after_days: What has been delisted or expired for so long leaves snapshots and
            lists, and is answered from PostgreSQL; 0: never.
        signing_key_file: PEM file (`cqar-writer make-signing-key`); with it every revision's head
            is signed, and that of an idle registry within 10 s. Empty: nothing is signed.
        mutations_per_s_max: What one actor may ask for; beyond it RESOURCE_EXHAUSTED.
        reads_per_s_max: The same for reads; two seconds' worth may come at once.
    """

    grpc_listen: str = "127.0.0.1:9090"
    http_listen: str = "127.0.0.1:8080"
    database_connections_max: Annotated[int, Meta(ge=6, le=100)] = 16
    relay_poll_s: Annotated[float, Meta(gt=0, le=60)] = 0.5
    archive_after_days: Annotated[int, Meta(ge=0, le=36_500)] = 30
    signing_key_file: str = ""
    mutations_per_s_max: Annotated[float, Meta(gt=0, le=100_000)] = 500.0
    reads_per_s_max: Annotated[float, Meta(gt=0, le=1_000_000)] = 2_000.0
