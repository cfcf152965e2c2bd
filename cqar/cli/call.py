"""`cqar call`: calls any RPC by name, with request and response as JSON."""

from __future__ import annotations

import re
import sys
from itertools import islice
from typing import Final

import click
from google.protobuf import json_format
from google.protobuf.message import Message

from cqar.admin.connection import Connection
from cqar.admin.rpc_catalog import RESOLVER, WRITER, Rpc, rpcs, similar_names
from cqar.cli import completion_names
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.list_output import ListOptions, ListView, rows_of, show_list
from cqar.cli.output import print_json, print_json_line
from cqar.cli.target import Target, with_target

STDIN: Final = "-"
#: What gRPC accepts as a metadata key and as a text value.
_KEY: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[ -~]*")


@click.command("call", cls=GroupedCommand)
@click.argument("rpc", required=False, shell_complete=completion_names.rpcs)
@click.argument("request", default="{}", metavar="[JSON]")
@click.option("--list", "listing", is_flag=True, help="List every RPC.")
@click.option(
    "--to",
    type=click.Choice([WRITER, RESOLVER]),
    help="Server to call; default: a resolver for the Resolver service, else the writer.",
)
@click.option(
    "--metadata", multiple=True, metavar="KEY=VALUE", help="Metadata to send; repeatable."
)
@click.option("--reason", default="", help="Reason for the audit log.")
@click.option("--count", type=click.IntRange(min=1), help="End a stream after this many responses.")
@with_target
def call(
    target: Target,
    rpc: str | None,
    request: str,
    to: str | None,
    metadata: tuple[str, ...],
    reason: str,
    *,
    count: int | None,
    listing: bool,
) -> None:
    """Call RPC with a request in JSON (`-` reads it from stdin) and print the response as JSON.

    The JSON is protobuf's: 64-bit numbers are strings, and fields with their default value are left
    out. A stream prints one document per line. docs/API.md has an example of every RPC.

    \b
    Examples:
      cqar call GetVenueSymbol '{"venue_id": "binance", "venue_symbol": "BTCUSDT"}'
      cqar call UpdateVenue '{"venue_id": "kraken", "is_active": false}' --reason "outage"
      cqar call --list
    """
    if listing:
        _list_rpcs()
        return
    spec = _find_rpc(rpc)
    message = _parse_request(spec, request)
    pairs = [_parse_metadata(text) for text in metadata]
    server = to or spec.home
    with target.to_writer() if server == WRITER else target.to_resolver() as connection:
        _call(connection, spec, message, reason, pairs, count)


def _call(
    connection: Connection,
    rpc: Rpc,
    message: Message,
    reason: str,
    metadata: list[tuple[str, str]],
    count: int | None,
) -> None:
    method = connection.method(rpc.service, rpc.name)
    if not rpc.streams:
        print_json(connection.call(method, message, reason, metadata))
        return
    for response in islice(connection.stream(method, message, reason, metadata), count):
        print_json_line(response)


def _find_rpc(name: str | None) -> Rpc:
    if name is None:
        raise click.UsageError("name an RPC; `cqar call --list` lists them")
    known = rpcs()
    if name in known:
        return known[name]
    similar = similar_names(name)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "`cqar call --list` lists them"
    raise click.UsageError(f"no RPC {name!r}; {hint}")


def _parse_request(rpc: Rpc, text: str) -> Message:
    try:
        return json_format.Parse(sys.stdin.read() if text == STDIN else text, rpc.request())
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise click.UsageError(f"the request is not a {rpc.request.__name__}: {error}") from error


def _parse_metadata(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    key = key.lower()
    if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
        raise click.UsageError(f"--metadata {text!r}: give KEY=VALUE in printable ASCII")
    if key.endswith("-bin") or key.startswith("grpc-"):
        raise click.UsageError(
            f"--metadata {text!r}: binary keys and gRPC's own keys are not allowed"
        )
    return key, value


def _list_rpcs() -> None:
    rows = [
        (rpc.service.rpartition(".")[2], rpc.name, "stream" if rpc.streams else "", rpc.summary)
        for rpc in rpcs().values()
    ]
    columns = ("service", "rpc", "response", "what it does")
    view = ListView(f"{len(rows)} RPCs", columns, rows_of(columns, rows), ("rpc",))
    show_list(view, ListOptions())
