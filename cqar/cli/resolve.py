"""`cqar resolve`, `cqar status`, `cqar venues`: looking, changing nothing."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_pb2, venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf import json_format

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.output import print_json, table
from cqar.cli.param_types import InstantParam, PositionParam
from cqar.cli.target import Target, with_target
from cqar.importer.reviewed_venues import READER
from cqar.sdk.session_position import HEADER, Position

#: A resolver takes 2,000.
BATCH_KEYS: Final = 1_000


@click.command()
@click.argument("venue")
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@click.option("--as-of", type=InstantParam(), help="What it meant then; default: now.")
@click.option(
    "--min-revision",
    type=PositionParam(),
    help="Not before a change that was just made: wait for it, for some seconds at most.",
)
@click.option("--json", "as_json", is_flag=True, help="The whole answers as JSON.")
@with_target
def resolve(
    target: Target,
    venue: str,
    symbols: tuple[str, ...],
    *,
    as_of: dt.datetime | None,
    min_revision: Position | None,
    as_json: bool,
) -> None:
    """What VENUE's SYMBOL means: canonical symbol, assets, exact steps, and whether it trades.

    Several are asked for at once; `-` reads them from standard input, one a line. Exit code 1 if
    one of them means nothing. As of a time: status and steps of that time, if they are known.

    \b
    Examples:
      cqar resolve binance BTCUSDT
      cqar resolve kraken XBT/USD ETH/USD
      cqar resolve binance BTCUSDT --as-of 2022-01-01
      cqar resolve binance BTCUSDT --min-revision 1:42
      cut -d, -f1 symbols.csv | cqar resolve okx - --json
    """
    if is_many := symbols == ("-",):
        symbols = tuple(line.strip() for line in sys.stdin if line.strip())
    least = [(HEADER, str(min_revision))] if min_revision else []
    with target.to_resolver() as connection:
        if is_many or len(symbols) != 1:
            _resolve_many(connection, venue, symbols, as_of, least, as_json=as_json)
            return
        request = rpb.ResolveRequest(venue_id=venue, venue_symbol=symbols[0])
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
        answer = connection.call(connection.resolver.Resolve, request, metadata=least)
    found = answer.resolution
    if as_json:
        print_json(found)
        return
    table(f"{venue} {symbols[0]}", ("", ""), _resolution_rows(found))


def _resolve_many(
    connection: Connection,
    venue: str,
    symbols: Sequence[str],
    as_of: dt.datetime | None,
    least: Sequence[tuple[str, str]],
    *,
    as_json: bool,
) -> None:
    found: list[rpb.Resolution] = []
    told = ""
    for at in range(0, len(symbols), BATCH_KEYS):
        keys = [
            rpb.VenueSymbolKey(venue_id=venue, venue_symbol=symbol)
            for symbol in symbols[at : at + BATCH_KEYS]
        ]
        request = rpb.ResolveBatchRequest(keys=keys)
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
        method = connection.resolver.ResolveBatch
        answer = connection.call(method, request, metadata=least)
        told = freshness_text(answer.freshness)
        for one in answer.resolutions:
            one.freshness.CopyFrom(answer.freshness)
        found += answer.resolutions
    if as_json:
        print_json([json_format.MessageToDict(r, preserving_proto_field_name=True) for r in found])
    else:
        columns = ("spelling", "symbol", "tick size", "lot size", "tradeable", "because")
        rows = [_summary_row(*pair) for pair in zip(symbols, found, strict=True)]
        table(f"{len(rows)} of {venue}, {told}", columns, rows)
    if any(one.status == rpb.RESOLUTION_STATUS_NOT_FOUND for one in found):
        raise click.exceptions.Exit(1)


def _summary_row(spelling: str, found: rpb.Resolution) -> tuple[str, ...]:
    specs, reasons = found.specs, found.tradeable.open.reasons
    why = found.not_found.message or ", ".join(reason.code for reason in reasons)
    tradeable = _tradeable_text(found)
    return spelling, found.symbol.symbol, specs.tick_size, specs.lot_size, tradeable, why


def _resolution_rows(found: rpb.Resolution) -> list[tuple[str, str]]:
    specs, verdict = found.specs, found.tradeable
    status = venue_symbol_pb2.MarketStatus.Name(found.venue_symbol.status)
    listed = rpb.ResolutionStatus.Name(found.status).removeprefix("RESOLUTION_STATUS_")
    rows = [
        ("symbol", found.symbol.symbol),
        ("symbol id", found.symbol.symbol_id),
        ("base", _asset_text(found.base_asset)),
        ("quote", _asset_text(found.quote_asset)),
        ("settlement", _asset_text(found.settlement_asset)),
        ("listed", "" if listed == "FOUND" else listed.replace("_", " ").lower()),
        ("status", _status_text(status.removeprefix("MARKET_STATUS_"))),
        ("alias of", found.venue_symbol.alias_of),
        ("tick size", specs.tick_size),
        *(("tick size", f"{b.tick_size} from {b.from_price or '0'}") for b in specs.tick_bands),
        ("price significant digits", str(specs.price_significant_digits or "")),
        ("lot size", specs.lot_size),
        ("min order size", specs.min_order_size),
        ("max order size", specs.max_order_size),
        ("min notional", specs.min_notional),
        ("max notional", specs.max_notional),
        ("maker fee", found.venue_symbol.exact.maker_fee),
        ("taker fee", found.venue_symbol.exact.taker_fee),
        ("contract size", specs.contract_size),
        ("unit multiplier", "" if specs.unit_multiplier == "1" else specs.unit_multiplier),
        ("read by", _reader_text(found)),
        ("tradeable", _tradeable_text(found)),
        *(("  because", f"{r.code} {r.message}") for r in verdict.open.reasons),
        ("freshness", freshness_text(found.freshness)),
    ]
    return [(name, value) for name, value in rows if value]


def _tradeable_text(found: rpb.Resolution) -> str:
    """Of another time there is no verdict."""
    if found.status != rpb.RESOLUTION_STATUS_NOT_FOUND and not found.HasField("tradeable"):
        return ""
    return "yes" if found.tradeable.allowed else "no"


def _reader_text(found: rpb.Resolution) -> str:
    """That nobody has reviewed what ccxt reads there, where an import has noted it."""
    noted = found.venue_symbol.metadata
    return str(noted[READER]) if READER in noted else ""


def _status_text(status: str) -> str:
    return "not known, nor are the steps" if status == "UNSPECIFIED" else status


def _asset_text(asset: Any) -> str:
    return f"{asset.symbol} ({asset.name}{', unverified' if asset.unverified else ''})"


def freshness_text(freshness: rpb.Freshness) -> str:
    state = _state_of(freshness)
    age = f"at most {freshness.staleness_ms} ms old" if _is_bounded(freshness) else "age unknown"
    return f"{state}, revision {freshness.epoch}:{freshness.revision}, {age}"


def _state_of(freshness: rpb.Freshness) -> str:
    return rpb.SnapshotState.Name(freshness.state).removeprefix("SNAPSHOT_STATE_")


def _is_bounded(freshness: rpb.Freshness) -> bool:
    return freshness.HasField("staleness_ms")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_target
def status(target: Target, *, as_json: bool) -> None:
    """Where the registry stands, and how far each resolver is.

    Exit code 1 if anything does not answer.

    \b
    Example: cqar status
    """
    resolvers = [_status_of(connection) for connection in target.to_resolvers()]
    writer: dict[str, Any] = {}
    if target.writer or not target.resolver:
        with target.to_writer() as connection:
            writer = _writer_status(connection)
    if as_json:
        print_json({"writer": writer, "resolvers": resolvers})
    else:
        _show(writer, resolvers)
    if any("error" in found for found in (writer, *resolvers)):
        raise click.exceptions.Exit(1)


def _writer_status(connection: Connection) -> dict[str, Any]:
    try:
        answer = connection.call(connection.admin.GetHead, apb.GetHeadRequest())
    except CallFailed as error:
        return {"address": connection.address, "error": str(error)}
    head = answer.head
    return {
        "address": connection.address,
        "epoch": head.epoch,
        "revision": head.revision,
        "entities": head.live_count,
        "counts": dict(sorted(answer.counts.items())),
    }


def _status_of(connection: Connection) -> dict[str, Any]:
    with connection:
        try:
            answer = connection.call(connection.resolver.GetStatus, rpb.GetStatusRequest())
        except CallFailed as error:
            return {"address": connection.address, "error": str(error)}
    fresh = answer.freshness
    return {
        "address": connection.address,
        "state": _state_of(fresh),
        "epoch": fresh.epoch,
        "revision": fresh.revision,
        "lag": answer.lag,
        "staleness_ms": fresh.staleness_ms if _is_bounded(fresh) else None,
        "reason": answer.reason,
        "hydrated_from": answer.hydrated_from,
        "memory_mib": round(answer.memory_bytes / 2**20),
        "counts": dict(sorted(answer.counts.items())),
    }


def _show(writer: dict[str, Any], resolvers: list[dict[str, Any]]) -> None:
    if "error" in writer:
        table("Writer", ("address", "error"), [(writer["address"], writer["error"])])
    elif writer:
        names = ("address", "epoch", "revision", "entities")
        table("Writer", names, [[writer[name] for name in names]])
        table("Entities", ("kind", "live"), writer["counts"].items())
    for found in resolvers:
        if found.get("state", "LIVE") != "LIVE":
            click.echo(f"{found['address']} is {found['state']}: {found['reason']}", err=True)
    shown = (
        "address",
        "state",
        "epoch",
        "revision",
        "lag",
        "staleness_ms",
        "hydrated_from",
        "memory_mib",
    )
    there = [found for found in resolvers if "error" not in found]
    if there or not resolvers:
        rows = [["" if f.get(name) is None else f[name] for name in shown] for f in there]
        table("Resolvers", shown, rows)
    if away := [(found["address"], found["error"]) for found in resolvers if "error" in found]:
        table("Resolvers without an answer", ("address", "error"), away)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_target
def venues(target: Target, *, as_json: bool) -> None:
    """The venues that the registry knows.

    \b
    Example: cqar venues
    """
    with target.to_writer() as connection:
        method = connection.registry.ListVenues
        found = list(pagination.entities(connection, method, pb.ListVenuesRequest(), "venues"))
    if as_json:
        print_json([json_format.MessageToDict(v, preserving_proto_field_name=True) for v in found])
        return
    rows = [
        (
            venue.venue_id,
            venue.name,
            venue_pb2.VenueType.Name(venue.venue_type).removeprefix("VENUE_TYPE_"),
            venue.operator,
            "yes" if venue.is_active else "no",
            venue.website_url,
        )
        for venue in found
    ]
    table(f"{len(rows)} venues", ("id", "name", "type", "operator", "active", "site"), rows)
