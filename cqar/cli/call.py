"""`cqar call`: any RPC by its name, request and answer as JSON."""

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
from cqar.cli.output import print_json, print_json_line, table
from cqar.cli.target import Target, with_target

STDIN: Final = "-"
#: What gRPC takes as a metadata key and as the text of a value.
_KEY: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[ -~]*")


@click.command("call")
@click.argument("rpc", required=False)
@click.argument("request", default="{}", metavar="[JSON]")
@click.option("--list", "listing", is_flag=True, help="Name every RPC, and call none.")
@click.option(
    "--to",
    type=click.Choice([WRITER, RESOLVER]),
    help="Whom to ask; else the resolver for Resolver, the writer for the rest.",
)
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="To send along; repeatable.")
@click.option("--reason", default="", help="Why, for the audit log.")
@click.option("--count", type=click.IntRange(min=1), help="End a stream after so many answers.")
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
    """Call RPC with the request JSON (`-` reads it from stdin); the answer is JSON.

    JSON is protobuf's own: 64-bit numbers are strings, and what has its default value is left
    out. A stream gives one document a line. docs/API.md has an example of every RPC.

    \b
    Examples:
      cqar call GetVenueSymbol '{"venue_id": "binance", "venue_symbol": "BTCUSDT"}'
      cqar call UpdateVenue '{"venue_id": "kraken", "is_active": false}' --reason "outage"
      cqar call --list
    """
    if listing:
        _list_rpcs()
        return
    chosen = _find_rpc(rpc)
    message = _parse_request(chosen, request)
    sent = [_parse_metadata(text) for text in metadata]
    where = to or chosen.home
    with target.to_writer() if where == WRITER else target.to_resolver() as connection:
        _call(connection, chosen, message, reason, sent, count)


def _call(
    connection: Connection,
    rpc: Rpc,
    message: Message,
    reason: str,
    sent: list[tuple[str, str]],
    count: int | None,
) -> None:
    method = connection.method(rpc.service, rpc.name)
    if not rpc.streams:
        print_json(connection.call(method, message, reason, sent))
        return
    for answer in islice(connection.stream(method, message, reason, sent), count):
        print_json_line(answer)


def _find_rpc(name: str | None) -> Rpc:
    if name is None:
        raise click.UsageError("name an RPC; `cqar call --list` shows them all")
    known = rpcs()
    if name in known:
        return known[name]
    alike = similar_names(name)
    hint = f"did you mean {' or '.join(alike)}?" if alike else "`cqar call --list` shows them all"
    raise click.UsageError(f"no RPC {name!r}; {hint}")


def _parse_request(rpc: Rpc, text: str) -> Message:
    try:
        return json_format.Parse(sys.stdin.read() if text == STDIN else text, rpc.request())
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise click.UsageError(f"the request is no {rpc.request.__name__}: {error}") from error


def _parse_metadata(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    key = key.lower()
    if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
        raise click.UsageError(f"--metadata {text!r}: give KEY=VALUE in printable ASCII")
    if key.endswith("-bin") or key.startswith("grpc-"):
        raise click.UsageError(f"--metadata {text!r}: binary and gRPC's own keys cannot be given")
    return key, value


def _list_rpcs() -> None:
    rows = [
        (rpc.service.rpartition(".")[2], rpc.name, "stream" if rpc.streams else "", rpc.summary)
        for rpc in rpcs().values()
    ]
    table(f"{len(rows)} RPCs", ("service", "rpc", "answers", "what it does"), rows)
