"""`cqar up`, `cqar down`: a stack on this machine."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from pathlib import Path

import click

from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.output import table, to_stderr
from cqar.cli.target import DEFAULT_STATE, Target, with_target
from cqar.embedded.background import detach, shut_down
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, run_stack


@click.command(cls=GroupedCommand)
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
    The data stays in the folder for the next start, and so do the ports where they are free.

    \b
    Example: cqar up --state /tmp/registry --detach
    """
    if detached:
        _show_endpoints(detach(target.state_dir, resolvers))
        _show_next(target.state_dir, is_detached=True)
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
        _show_next(state_dir, is_detached=False)
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


def _show_next(state_dir: Path, *, is_detached: bool) -> None:
    """Say what to type next, on standard error: a program reads the addresses."""
    is_known = str(state_dir) in (DEFAULT_STATE, os.environ.get("CQAR_STATE"))
    state = "" if is_known else f" --state {shlex.quote(str(state_dir))}"
    steps = [
        (f"cqar catalogue load{state}", "well-known assets, venues and listings"),
        (f"cqar resolve binance BTCUSDT{state}", "what a spelling means, and whether to trade it"),
        (f"cqar status{state}", "the writer and its resolvers"),
    ]
    if is_detached:
        steps.append((f"cqar down{state}", "stops the stack; its data stays"))
    width = max(len(command) for command, _ in steps)
    to_stderr("Next:")
    for command, what in steps:
        to_stderr(f"  {command:<{width}}  # {what}")


@click.command(cls=GroupedCommand)
@with_target
def down(target: Target) -> None:
    """Stop a stack that `cqar up` started; its data stays.

    \b
    Example: cqar down --state /tmp/registry
    """
    shut_down(target.state_dir)
    to_stderr("stopped.")
