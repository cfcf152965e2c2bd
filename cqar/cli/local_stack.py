"""`cqar up`, `cqar down`: a stack on this machine."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from cqar.cli.output import table, to_stderr
from cqar.cli.target import Target, with_target
from cqar.embedded.background import detach, shut_down
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, run_stack


@click.command()
@click.option(
    "--detach", "detached", is_flag=True, help="Return once the stack is up; stop it with down."
)
@click.option(
    "--resolvers",
    default=2,
    show_default=True,
    type=click.IntRange(1, 16),
    help="Number of resolvers.",
)
@with_target
def up(target: Target, *, detached: bool, resolvers: int) -> None:
    """Start PostgreSQL, NATS, Redis, a writer and resolvers; keep them running.

    A process that dies is restarted on the same address. STATE/endpoints.json lists every address.
    The data stays in the folder for the next start.

    \b
    Example: cqar up --state /tmp/registry --detach
    """
    if detached:
        _show_endpoints(detach(target.state_dir, resolvers))
        return
    asyncio.run(_run(target.state_dir, resolvers))


async def _run(state_dir: Path, resolvers: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    to_stderr("starting the stack…")

    async def show(endpoints: Endpoints) -> None:
        _show_endpoints(endpoints)
        to_stderr("Ctrl-C stops the whole stack.")

    await run_stack(StackOptions(state_dir, resolvers), show, stop)
    to_stderr("stopped.")


def _show_endpoints(endpoints: Endpoints) -> None:
    rows = [
        ("writer", endpoints.writer),
        *(("resolver", address) for address in endpoints.resolvers),
        *(("resolver socket", path) for path in endpoints.resolver_sockets),
        ("writer http", f"http://{endpoints.writer_http}"),
        *(("resolver http", f"http://{address}") for address in endpoints.resolver_http),
        ("nats", endpoints.nats),
        ("redis", endpoints.redis),
    ]
    table("The stack is up", ("what", "where"), rows)


@click.command()
@with_target
def down(target: Target) -> None:
    """Stop a stack that `cqar up` started; its data stays.

    \b
    Example: cqar down --state /tmp/registry
    """
    shut_down(target.state_dir)
    to_stderr("stopped.")
