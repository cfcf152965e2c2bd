"""`cqar resolve`: what a venue's spelling means."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Final

import click
from cqc.resolver.v1 import resolver_pb2 as rpb

from cqar.admin.connection import Connection
from cqar.cli import completion_names
from cqar.cli.exit_codes import NOT_FOUND
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.listing_details import detail_rows, tradeable_text
from cqar.cli.output import print_json, table
from cqar.cli.param_types import InstantParam, PositionParam
from cqar.cli.status import freshness_text
from cqar.cli.target import Target, with_target
from cqar.sdk.session_position import HEADER, Position

#: A resolver accepts 2,000.
BATCH_KEYS: Final = 1_000


@click.command(cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument(
    "symbols",
    nargs=-1,
    required=True,
    metavar="SYMBOL...",
    shell_complete=completion_names.spellings,
)
@click.option("--as-of", type=InstantParam(), help="Resolve as of this time; default: now.")
@click.option(
    "--min-revision",
    type=PositionParam(),
    help="Wait, for some seconds at most, until the resolver has this position.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole responses as JSON.")
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
    """Show what VENUE's SYMBOL means: canonical symbol, assets, exact steps, whether it trades.

    What is not known is not shown. `until` is when the verdict turns next, by what is known now.

    Several symbols are resolved in one call; `-` reads them from standard input, one per line. The
    exit code is 3 if a symbol is unknown. With --as-of, status and steps are those of that time, if
    known.

    \b
    Examples:
      cqar resolve binance BTCUSDT
      cqar resolve kraken XBT/USD ETH/USD
      cqar resolve binance BTCUSDT --as-of 2022-01-01
      cqar resolve binance BTCUSDT --min-revision 1:42
      cut -d, -f1 symbols.csv | cqar resolve okx - --json
    """
    if reads_stdin := symbols == ("-",):
        symbols = tuple(line.strip() for line in sys.stdin if line.strip())
    metadata = [(HEADER, str(min_revision))] if min_revision else []
    with target.to_resolver() as connection:
        if reads_stdin or len(symbols) != 1:
            _resolve_many(connection, venue, symbols, as_of, metadata, as_json=as_json)
            return
        request = rpb.ResolveRequest(venue_id=venue, venue_symbol=symbols[0])
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
        response = connection.call(connection.resolver.Resolve, request, metadata=metadata)
    if as_json:
        print_json(response.resolution)
    else:
        table(f"{venue} {symbols[0]}", ("", ""), detail_rows(response.resolution))


def _resolve_many(
    connection: Connection,
    venue: str,
    symbols: Sequence[str],
    as_of: dt.datetime | None,
    metadata: Sequence[tuple[str, str]],
    *,
    as_json: bool,
) -> None:
    resolutions: list[rpb.Resolution] = []
    freshness = ""
    for start in range(0, len(symbols), BATCH_KEYS):
        keys = [
            rpb.VenueSymbolKey(venue_id=venue, venue_symbol=symbol)
            for symbol in symbols[start : start + BATCH_KEYS]
        ]
        request = rpb.ResolveBatchRequest(keys=keys)
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
        response = connection.call(connection.resolver.ResolveBatch, request, metadata=metadata)
        freshness = freshness_text(response.freshness)
        for resolution in response.resolutions:
            resolution.freshness.CopyFrom(response.freshness)
        resolutions += response.resolutions
    if as_json:
        print_json(resolutions)
    else:
        columns = ("spelling", "symbol", "tick size", "lot size", "tradeable", "because")
        rows = [_summary_row(*pair) for pair in zip(symbols, resolutions, strict=True)]
        table(f"{len(rows)} of {venue}, {freshness}", columns, rows)
    if any(r.status == rpb.RESOLUTION_STATUS_NOT_FOUND for r in resolutions):
        raise click.exceptions.Exit(NOT_FOUND)


def _summary_row(spelling: str, resolution: rpb.Resolution) -> tuple[str, ...]:
    specs, reasons = resolution.specs, resolution.tradeable.open.reasons
    why = resolution.not_found.message or ", ".join(reason.code for reason in reasons)
    symbol, tradeable = resolution.symbol.symbol, tradeable_text(resolution)
    return spelling, symbol, specs.tick_size, specs.lot_size, tradeable, why
