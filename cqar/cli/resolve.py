"""`cqar resolve`: what a venue's spelling means."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.admin.connection import Connection
from cqar.cli.output import print_json, table
from cqar.cli.param_types import InstantParam, PositionParam
from cqar.cli.status import freshness_text
from cqar.cli.target import Target, with_target
from cqar.importer.listing_proposals import READER
from cqar.sdk.session_position import HEADER, Position

#: A resolver accepts 2,000.
BATCH_KEYS: Final = 1_000


@click.command()
@click.argument("venue")
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
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

    Several symbols are resolved in one call; `-` reads them from standard input, one per line. The
    exit code is 1 if a symbol is unknown. With --as-of, status and steps are those of that time, if
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
        table(f"{venue} {symbols[0]}", ("", ""), _detail_rows(response.resolution))


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
        raise click.exceptions.Exit(1)


def _summary_row(spelling: str, resolution: rpb.Resolution) -> tuple[str, ...]:
    specs, reasons = resolution.specs, resolution.tradeable.open.reasons
    why = resolution.not_found.message or ", ".join(reason.code for reason in reasons)
    symbol, tradeable = resolution.symbol.symbol, _tradeable_text(resolution)
    return spelling, symbol, specs.tick_size, specs.lot_size, tradeable, why


def _order_unit(specs: rpb.Specs) -> str:
    unit = venue_symbol_pb2.OrderUnit.Name(specs.order_unit).removeprefix("ORDER_UNIT_")
    return unit.lower() if specs.order_unit else ""


#: Fields of the specs that are shown under their own names.
_FURTHER_LIMITS: Final = (
    *("market_lot_size", "market_min_size", "market_max_size", "min_price", "max_price"),
    *("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down"),
    *("market_min_notional", "market_max_notional"),
    *("initial_margin_rate", "maintenance_margin_rate", "max_leverage"),
)


def _detail_rows(resolution: rpb.Resolution) -> list[tuple[str, str]]:
    specs, listing = resolution.specs, resolution.venue_symbol
    status = venue_symbol_pb2.MarketStatus.Name(listing.status).removeprefix("MARKET_STATUS_")
    listed = rpb.ResolutionStatus.Name(resolution.status).removeprefix("RESOLUTION_STATUS_")
    rows = [
        ("symbol", resolution.symbol.symbol),
        ("symbol id", resolution.symbol.symbol_id),
        ("base", _asset_text(resolution.base_asset)),
        ("quote", _asset_text(resolution.quote_asset)),
        ("settlement", _asset_text(resolution.settlement_asset)),
        ("listed", "" if listed == "FOUND" else listed.replace("_", " ").lower()),
        ("status", "not known, nor are the steps" if status == "UNSPECIFIED" else status),
        ("alias of", listing.alias_of),
        ("tick size", specs.tick_size),
        *(("tick size", f"{b.tick_size} from {b.from_price or '0'}") for b in specs.tick_bands),
        ("price significant digits", str(specs.price_significant_digits or "")),
        ("lot size", specs.lot_size),
        ("min order size", specs.min_order_size),
        ("max order size", specs.max_order_size),
        ("min notional", specs.min_notional),
        ("max notional", specs.max_notional),
        *((name.replace("_", " "), getattr(specs, name)) for name in _FURTHER_LIMITS),
        ("order unit", _order_unit(specs)),
        ("order types", ", ".join(specs.order_types)),
        ("time in force", ", ".join(specs.time_in_force)),
        ("funding interval (s)", str(specs.funding_interval_s or "")),
        ("maker fee", specs.maker_fee or listing.exact.maker_fee),
        ("taker fee", specs.taker_fee or listing.exact.taker_fee),
        ("contract size", specs.contract_size),
        ("unit multiplier", "" if specs.unit_multiplier == "1" else specs.unit_multiplier),
        # An import notes here that nobody has reviewed what ccxt reads of the venue.
        ("read by", str(listing.metadata[READER]) if READER in listing.metadata else ""),
        ("tradeable", _tradeable_text(resolution)),
        *(("  because", f"{r.code} {r.message}") for r in resolution.tradeable.open.reasons),
        ("freshness", freshness_text(resolution.freshness)),
    ]
    return [(name, value) for name, value in rows if value]


def _tradeable_text(resolution: rpb.Resolution) -> str:
    """Yes or no; empty as of another time, for which there is no verdict."""
    is_found = resolution.status != rpb.RESOLUTION_STATUS_NOT_FOUND
    if is_found and not resolution.HasField("tradeable"):
        return ""
    return "yes" if resolution.tradeable.allowed else "no"


def _asset_text(asset: Any) -> str:
    return f"{asset.symbol} ({asset.name}{', unverified' if asset.unverified else ''})"
