"""What the writer needs to run, from CQAR_WRITER_* (so CQAR_WRITER_DATABASE_URL)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class WriterConfig(Struct, frozen=True, kw_only=True):
    """Names end in their unit. Defaults are safe for production, not for a laptop.

    Attributes:
        database_url: postgresql://user:password@host:port/database. No transaction-pooling
            proxy in front of it: the relay holds a session's lock.
        grpc_listen: Plaintext, so loopback unless `plaintext_anywhere` says otherwise.
        relay_poll_s: The relay is woken by NOTIFY; polling only covers a lost notification.
        drain_s: How long running calls may take to finish after SIGTERM.
    """

    database_url: str
    nats_url: str
    redis_url: str = ""
    grpc_listen: str = "127.0.0.1:9090"
    http_listen: str = "127.0.0.1:8080"
    plaintext_anywhere: bool = False
    database_connections_max: Annotated[int, Meta(ge=6, le=100)] = 16
    relay_poll_s: Annotated[float, Meta(gt=0, le=60)] = 0.5
    drain_s: Annotated[float, Meta(ge=0, le=300)] = 30.0
