"""`cqar status`: the state of writer and resolvers; `cqar venues`: the venues."""

from __future__ import annotations

from typing import Any

import click
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.exit_codes import NOT_REACHABLE
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import print_json, table
from cqar.cli.target import Target, with_target

_COLUMNS = (
    *("address", "state", "epoch", "revision"),
    *("lag", "staleness_ms", "hydrated_from", "memory_mib"),
)


@click.command(cls=GroupedCommand)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target
def status(target: Target, *, as_json: bool) -> None:
    """Show the registry's position and that of each resolver.

    The exit code is 4 if a server does not answer.

    \b
    Example: cqar status
    """
    resolvers = [_resolver_status(connection) for connection in target.to_resolvers()]
    writer: dict[str, Any] = {}
    if target.writer or not target.resolver:
        with target.to_writer() as connection:
            writer = _writer_status(connection)
    if as_json:
        print_json({"writer": writer, "resolvers": resolvers})
    else:
        _show(writer, resolvers)
    if any("error" in server for server in (writer, *resolvers)):
        raise click.exceptions.Exit(NOT_REACHABLE)


def _writer_status(connection: Connection) -> dict[str, Any]:
    try:
        response = connection.call(connection.admin.GetHead, apb.GetHeadRequest())
    except CallFailed as error:
        return {"address": connection.address, "error": str(error)}
    return {
        "address": connection.address,
        "epoch": response.head.epoch,
        "revision": response.head.revision,
        "entities": response.head.live_count,
        "counts": dict(sorted(response.counts.items())),
    }


def _resolver_status(connection: Connection) -> dict[str, Any]:
    with connection:
        try:
            response = connection.call(connection.resolver.GetStatus, rpb.GetStatusRequest())
        except CallFailed as error:
            return {"address": connection.address, "error": str(error)}
    freshness = response.freshness
    return {
        "address": connection.address,
        "state": _state_name(freshness),
        "epoch": freshness.epoch,
        "revision": freshness.revision,
        "lag": response.lag,
        "staleness_ms": freshness.staleness_ms if freshness.HasField("staleness_ms") else None,
        "reason": response.reason,
        "hydrated_from": response.hydrated_from,
        "memory_mib": round(response.memory_bytes / 2**20),
        "counts": dict(sorted(response.counts.items())),
    }


def freshness_text(freshness: rpb.Freshness) -> str:
    is_bounded = freshness.HasField("staleness_ms")
    age = f"at most {freshness.staleness_ms} ms old" if is_bounded else "age unknown"
    return f"{_state_name(freshness)}, revision {freshness.epoch}:{freshness.revision}, {age}"


def _state_name(freshness: rpb.Freshness) -> str:
    return rpb.SnapshotState.Name(freshness.state).removeprefix("SNAPSHOT_STATE_")


def _show(writer: dict[str, Any], resolvers: list[dict[str, Any]]) -> None:
    if "error" in writer:
        table("Writer", ("address", "error"), [(writer["address"], writer["error"])])
    elif writer:
        names = ("address", "epoch", "revision", "entities")
        table("Writer", names, [[writer[name] for name in names]])
        table("Entities", ("kind", "live"), writer["counts"].items())
    for resolver in resolvers:
        if resolver.get("state", "LIVE") != "LIVE":
            text = f"{resolver['address']} is {resolver['state']}: {resolver['reason']}"
            click.echo(text, err=True)
    reachable = [resolver for resolver in resolvers if "error" not in resolver]
    if reachable or not resolvers:
        rows = [["" if r.get(name) is None else r[name] for name in _COLUMNS] for r in reachable]
        table("Resolvers", _COLUMNS, rows)
    if failed := [(r["address"], r["error"]) for r in resolvers if "error" in r]:
        table("Resolvers that did not answer", ("address", "error"), failed)


@click.command(cls=GroupedCommand)
@list_options
@with_target
def venues(target: Target, *, listing: ListOptions) -> None:
    """List the registry's venues.

    \b
    Example: cqar venues
    """
    with target.to_writer() as connection:
        method = connection.registry.ListVenues
        request = pb.ListVenuesRequest()
        listed = list(pagination.entities(connection, method, request, "venues"))
    rows = [
        OutputRow(
            (
                venue.venue_id,
                venue.name,
                venue_pb2.VenueType.Name(venue.venue_type).removeprefix("VENUE_TYPE_"),
                venue.operator,
                "yes" if venue.is_active else "no",
                venue.website_url,
            ),
            venue,
        )
        for venue in listed
    ]
    columns = ("id", "name", "type", "operator", "active", "site")
    show_list(ListView(f"{len(rows)} venues", columns, rows, ("id",), "no venues."), listing)
