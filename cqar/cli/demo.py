"""`cqar demo`: runs the whole path once, on a temporary stack, and measures it."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar import catalogue
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.output import say, table
from cqar.cli.progress import progress_bar
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, remove_state, run_stack

EXAMPLES: Final = (
    ("binance", "BTCUSDT"),
    ("kraken", "XXBTZUSD"),
    ("kraken", "XBT/USD"),
    ("binance-usdm", "1000SHIBUSDT"),
    ("binance-coinm", "BTCUSD_PERP"),
)
#: What the venue's tick becomes.
TICK: Final = "0.1"
#: Command -> what it is for.
NEXT: Final = (
    ("cqar up --detach", "a stack that stays"),
    ("cqar catalogue load", "the same venues and listings"),
    ("cqar resolve binance BTCUSDT", "what you saw in 1"),
    ("cqar import binance --live --plan", "all that a venue lists today"),
    ("cqar log", "who changed what, when and why"),
)
LOOKUPS: Final = 2_000
CHANGES: Final = 100
VISIBLE_TIMEOUT_S: Final = 10.0


class DemoFailed(Exception):
    """The demo did not see the result that it expected."""


@click.command(cls=GroupedCommand)
def demo() -> None:
    """See it work, in a minute: resolve, a tick changes, a market halts, an order is refused.

    It starts a stack in a temporary folder, and removes it in the end.

    \b
    Example: cqar demo
    """
    began = time.monotonic()
    state_dir = Path(tempfile.mkdtemp(prefix="cqar-demo-"))
    try:
        asyncio.run(_run(state_dir, began))
    finally:
        remove_state(state_dir)
    say(f"Stopped. {time.monotonic() - began:.1f} s in all.")


async def _run(state_dir: Path, began: float) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    async def show(endpoints: Endpoints) -> None:
        took = time.monotonic() - began
        say(f"PostgreSQL, NATS, Redis, a writer and two resolvers: up in {took:.1f} s.")
        try:
            await asyncio.to_thread(_show, endpoints)
        finally:
            stop.set()

    await run_stack(StackOptions(state_dir), show, stop)


def _show(endpoints: Endpoints) -> None:
    writer = Connection(endpoints.writer, endpoints.keys.admin)
    addresses = (endpoints.resolvers[0], f"unix:{endpoints.resolver_sockets[1]}")
    resolvers = [Connection(address) for address in addresses]
    with writer, resolvers[0], resolvers[1]:
        _load(writer)
        _await_visible(resolvers, lambda r: r.venue_symbol.venue_symbol == "BTCUSDT")
        say("1. What spellings of five venues mean", bold=True)
        _resolve(resolvers[0])
        _change_tick(writer, resolvers)
        _halt(writer, resolvers)
        _refuse(writer, resolvers[0])
        say("5. How fast it is here", bold=True)
        _measure(writer, resolvers)
        _show_next()


def _load(writer: Connection) -> None:
    began = time.monotonic()
    with progress_bar("catalogue") as progress:
        result = catalogue.load(writer, dt.datetime.now(dt.UTC), progress)
    if result.rejected:
        first = result.rejected[0]
        raise DemoFailed(f"the catalogue was rejected: {first.spelling}: {first.reason}")
    took = time.monotonic() - began
    say(f"Catalogue: {result.created} entities in {took:.1f} s, revision {result.revision}.")


def _ask(resolver: Connection, venue_id: str, spelling: str) -> rpb.Resolution:
    request = rpb.ResolveRequest(venue_id=venue_id, venue_symbol=spelling)
    resolution: rpb.Resolution = resolver.call(resolver.resolver.Resolve, request).resolution
    return resolution


def _resolve(resolver: Connection) -> None:
    rows = []
    for venue_id, spelling in EXAMPLES:
        resolution = _ask(resolver, venue_id, spelling)
        symbol, specs = resolution.symbol.symbol, resolution.specs
        tradeable = "yes" if resolution.tradeable.allowed else "no"
        rows.append((venue_id, spelling, symbol, specs.tick_size, specs.lot_size, tradeable))
    address = resolver.address if resolver.address[:5] != "unix:" else "its Unix socket"
    columns = ("venue", "spelling", "symbol", "tick", "lot", "tradeable")
    table(f"Resolved through {address}", columns, rows)


def _change_tick(writer: Connection, resolvers: list[Connection]) -> None:
    before = _ask(resolvers[0], *EXAMPLES[0]).specs.tick_size
    say("2. The venue announces a coarser tick; somebody types it in", bold=True)
    say(f"   cqar listing set binance BTCUSDT --tick-size {TICK} --reason 'notice 12'")
    request = pb.UpdateVenueSymbolRequest(venue_id="binance", venue_symbol="BTCUSDT")
    request.exact.tick_size = TICK
    took_ms = _visible_after(
        writer, resolvers, request, "notice 12", lambda r: r.specs.tick_size == TICK
    )
    say(f"   tick {before} → {TICK}: at both resolvers {took_ms:.1f} ms after the writer's answer.")


def _halt(writer: Connection, resolvers: list[Connection]) -> None:
    say("3. The venue halts the market", bold=True)
    say("   cqar listing set binance BTCUSDT --status halted --reason 'wallet maintenance'")
    halted = venue_symbol_pb2.MARKET_STATUS_HALTED
    request = pb.UpdateVenueSymbolRequest(venue_id="binance", venue_symbol="BTCUSDT", status=halted)
    took_ms = _visible_after(
        writer, resolvers, request, "wallet maintenance", lambda r: r.venue_symbol.status == halted
    )
    say(f"   at both resolvers {took_ms:.1f} ms after the writer's answer.")


def _refuse(writer: Connection, resolver: Connection) -> None:
    say("4. An order is refused", bold=True)
    say("   cqar check binance BTCUSDT --price 64000.13 --quantity 0.001 --side buy")
    request = rpb.CheckOrderRequest(
        venue_id="binance", venue_symbol="BTCUSDT", price="64000.13", quantity="0.001"
    )
    request.side = rpb.ORDER_SIDE_BUY
    answer = resolver.call(resolver.resolver.CheckOrder, request)
    reasons = [f"{reason.code} {reason.message}".rstrip() for reason in answer.reasons]
    if answer.allowed or not reasons:
        raise DemoFailed("an order at a halted market was not refused")
    for reason in reasons:
        say(f"   refused: {reason}")
    log = writer.call(writer.admin.ListChanges, apb.ListChangesRequest(page_size=1))
    entry = log.changes[0].entry
    say(f"   {entry.actor} halted it at {entry.committed_at.ToJsonString()}: {entry.reason}")


def _show_next() -> None:
    say("Next:", bold=True)
    for command, what in NEXT:
        say(f"   {command:<36} # {what}")


def _visible_after(
    writer: Connection,
    resolvers: list[Connection],
    request: pb.UpdateVenueSymbolRequest,
    reason: str,
    is_visible: Callable[[rpb.Resolution], bool],
) -> float:
    """Change a listing; return after how many ms both resolvers show it."""
    writer.call(writer.registry.UpdateVenueSymbol, request, reason)
    began = time.perf_counter()
    _await_visible(resolvers, is_visible)
    return (time.perf_counter() - began) * 1000


def _await_visible(
    resolvers: list[Connection], is_visible: Callable[[rpb.Resolution], bool]
) -> None:
    deadline = time.monotonic() + VISIBLE_TIMEOUT_S
    for resolver in resolvers:
        while True:
            try:
                if is_visible(_ask(resolver, *EXAMPLES[0])):
                    break
            except CallFailed as error:
                if error.code != "NOT_FOUND":
                    raise
            if time.monotonic() > deadline:
                text = f"{resolver.address} did not show the change in {VISIBLE_TIMEOUT_S:g} s"
                raise DemoFailed(text)


def _measure(writer: Connection, resolvers: list[Connection]) -> None:
    """Measure one caller in this process, one call at a time."""
    rows = []
    for resolver, name in zip(resolvers, ("TCP", "Unix socket"), strict=True):
        rows.append((f"Resolve, {name}", *_quantiles(_lookup_ms(resolver))))
    commits, visible = _commit_ms(writer, resolvers[0])
    rows.append(("mutation, one caller", *_quantiles(commits)))
    rows.append(("commit → visible in a resolver", *_quantiles(visible)))
    table(f"Measured here, {os.cpu_count()} cores", ("what", "p50 ms", "p99 ms"), rows)


def _lookup_ms(resolver: Connection) -> list[float]:
    times = []
    for _ in range(LOOKUPS):
        began = time.perf_counter()
        _ask(resolver, *EXAMPLES[0])
        times.append((time.perf_counter() - began) * 1000)
    return times


def _commit_ms(writer: Connection, resolver: Connection) -> tuple[list[float], list[float]]:
    """Times in ms of a commit, and from its response until a resolver shows it.

    The change halts and resumes a listing in turn.
    """
    statuses = (venue_symbol_pb2.MARKET_STATUS_ONLINE, venue_symbol_pb2.MARKET_STATUS_HALTED)
    commits, visible = [], []
    for number in range(CHANGES):
        request = pb.UpdateVenueSymbolRequest(
            venue_id="binance", venue_symbol="BTCUSDT", status=statuses[number % 2]
        )
        began = time.perf_counter()
        revision = writer.call(writer.registry.UpdateVenueSymbol, request).revision
        committed = time.perf_counter()
        while _ask(resolver, *EXAMPLES[0]).freshness.revision < revision:
            pass
        commits.append((committed - began) * 1000)
        visible.append((time.perf_counter() - committed) * 1000)
    return commits, visible


def _quantiles(times_ms: list[float]) -> tuple[str, str]:
    """p50 and p99 by nearest rank."""
    ordered = sorted(times_ms)
    p50, p99 = (ordered[math.ceil(len(ordered) * quantile) - 1] for quantile in (0.5, 0.99))
    return f"{p50:.2f}", f"{p99:.2f}"
