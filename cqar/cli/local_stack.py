"""`cqar up`, `cqar down`: a stack of this machine's own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from cqar.cli.output import show_endpoints, to_stderr
from cqar.cli.target import Target, with_target
from cqar.embedded.background import detach, shut_down
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, run_stack


@click.command()
@click.option("--detach", "detached", is_flag=True, help="Return once it is up; end it with down.")
@click.option("--resolvers", default=2, show_default=True, type=click.IntRange(1, 16))
@with_target
def up(target: Target, *, detached: bool, resolvers: int) -> None:
    """Start PostgreSQL, NATS, Redis, a writer and resolvers; keep them running.

    What dies is restarted on the same address. DIR/endpoints.json names every address. Data
    stays in the folder for the next time.

    \b
    Example: cqar up --state /tmp/registry --detach
    """
    if detached:
        show_endpoints(detach(target.state_dir, resolvers))
        return
    asyncio.run(_run(target.state_dir, resolvers))


async def _run(state_dir: Path, resolvers: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    to_stderr("starting the stack…")

    async def show(endpoints: Endpoints) -> None:
        show_endpoints(endpoints)
        to_stderr("Ctrl-C stops all of it.")

    await run_stack(StackOptions(state_dir, resolvers), show, stop)
    to_stderr("stopped.")


@click.command()
@with_target
def down(target: Target) -> None:
    """Stop a stack that `cqar up` started; its data stays.

    \b
    Example: cqar down --state /tmp/registry
    """
    shut_down(target.state_dir)
    to_stderr("stopped.")
