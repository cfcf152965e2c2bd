"""`python -m resolver serve`; configured by config.yaml and CQAR_RESOLVER_*."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

import click
import uvloop

from cqar_resolver import serve as server
from cqar_resolver.config import SECTION, ResolverConfig
from cqar_resolver.process import workers as worker_processes
from cqar_shared.errors import StartupError
from cqar_shared.runtime import process_memory, telemetry, version
from cqar_shared.runtime.config import load, shown
from cqar_shared.trust.seal_keys import keyring_of, make_command

#: How long a thread that loads or writes the checkpoint delays a turn of the event loop; a call
#: takes several turns. Python's default is 5 ms.
SWITCH_S: Final = 0.0005


@click.group()
@click.version_option(version.version(), prog_name="cqar-resolver")
def main() -> None:
    """A resolver: the registry in memory, kept current, answering in microseconds.

    \b
    Example:
      export CQAR_RESOLVER_DATABASE_URL=postgresql://cqar:secret@localhost/cqar
      export CQAR_RESOLVER_NATS_URL=nats://localhost:4222
      cqar-resolver serve
    """


@main.command()
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the gRPC port, each with its own snapshot, HTTP port and files.",
)
def serve(workers: int) -> None:
    """Serve gRPC and HTTP until SIGTERM.

    \b
    Example: cqar-resolver serve --workers 4    # HTTP on 8081, 8082, 8083 and 8084
    """
    config = load(ResolverConfig, SECTION, os.environ)
    telemetry.log_to_stderr(config)
    sys.setswitchinterval(SWITCH_S)
    process_memory.limit_malloc_arenas()
    if workers > 1:
        keyring_of(config, "CQAR_RESOLVER_")  # refuse a wrong key here, not in each worker
        asyncio.run(worker_processes.run(workers, config, os.environ))
    elif (worker := os.environ.get(worker_processes.WORKER)) is not None:
        parent = int(os.environ[worker_processes.PARENT])
        uvloop.run(server.run(worker_processes.settings_of(config, int(worker)), parent))
    else:
        uvloop.run(server.run(config))


@main.command("config")
def config_command() -> None:
    """Show every setting in effect as config.yaml would state it, without passwords."""
    click.echo(shown(load(ResolverConfig, SECTION, os.environ), SECTION), nl=False)


main.add_command(make_command)


if __name__ == "__main__":
    try:
        main()
    except StartupError as error:
        sys.exit(str(error))
