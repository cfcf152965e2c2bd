"""`python -m resolver serve`; configured by CQAR_RESOLVER_*."""

from __future__ import annotations

import os

import click
import uvloop

from resolver import app
from resolver.config import ResolverConfig
from shared import about, telemetry
from shared.config import load

PREFIX = "CQAR_RESOLVER_"


@click.group()
@click.version_option(about.version(), prog_name="cqar-resolver")
def main() -> None:
    """A resolver: the registry in memory, kept current, answering in microseconds.

    \b
    Example:
      export CQAR_RESOLVER_DATABASE_URL=postgresql://cqar:secret@localhost/cqar
      export CQAR_RESOLVER_NATS_URL=nats://localhost:4222
      cqar-resolver serve
    """


@main.command()
def serve() -> None:
    """Serve gRPC and HTTP until SIGTERM."""
    telemetry.log_to_stderr()
    uvloop.run(app.run(load(ResolverConfig, os.environ, PREFIX)))


if __name__ == "__main__":
    main()
