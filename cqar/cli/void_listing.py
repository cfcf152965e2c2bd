"""`cqar listing void`: removes a mapping that was never true; its history stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.change_flow import (
    ChangeOptions,
    change_options,
    report,
    require_answer,
    show_ask_apply,
)
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.output import table
from cqar.cli.target import Target, with_target

Listing = venue_symbol_pb2.VenueSymbol
KIND: Final = "venue_symbol"


@click.command(cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("spelling", shell_complete=completion_names.spellings)
@click.option("--listing", help="Id of the period, if the spelling has several.")
@click.option("--symbol", help="What the spelling meant instead, in the same period.")
@change_options
@with_target
def void(
    target: Target,
    venue: str,
    spelling: str,
    *,
    listing: str | None,
    symbol: str | None,
    how: ChangeOptions,
) -> None:
    """Void a listing of SPELLING: it never meant that symbol, in the past either.

    Use it for a mapping that was wrong from the start; a listing that has ended is delisted (`cqar
    listing rm`). From the next revision on no lookup returns the listing, as of any time; its
    history stays. Its aliases are voided with it. With --symbol, a listing of that symbol replaces
    it for the same period, with the current terms; earlier terms remain in the history only.

    \b
    Example: cqar listing void binance LUNAUSDT --symbol LUNC/USDT --reason "incident 12"
    """
    require_answer(how)
    with target.to_writer() as connection:
        # Apply refuses the request if an entity has changed since this revision.
        read_revision = connection.call(
            connection.admin.GetHead, apb.GetHeadRequest()
        ).head.revision
        wrong = _find_listing(connection, venue, spelling, listing)
        symbol_id = IdLookup(connection).id_of("symbol", symbol or "")
        voided = [wrong, *_aliases(connection, wrong)]
        items = _apply_items(voided, symbol_id, read_revision)
        request = apb.ApplyRequest(items=items, historical=True)
        if wrong.HasField("terms_since"):
            request.as_of.CopyFrom(wrong.terms_since)

        def attempt(*, dry_run: bool) -> apb.ApplyResponse:
            request.dry_run = dry_run
            return connection.apply(request, how.reason, "listing")

        def show(_: apb.ApplyResponse) -> None:
            _show(IdLabels(connection), voided, symbol_id)

        response = show_ask_apply(how, attempt, show, "The listing will be voided. Continue?")
    done = f"voided, revision {response.revision}; see its history with:"
    report(how, response, f"{done} cqar history {KIND}:{wrong.listing_id}")


def _find_listing(
    connection: Connection, venue: str, spelling: str, listing: str | None
) -> Listing:
    """The period that is to be voided.

    Raises:
        CallFailed: there is no such period, or there are several.
    """
    periods = _listings(connection, venue_id=venue, venue_symbol=spelling)
    if not periods or listing not in (None, *(period.listing_id for period in periods)):
        # Lists leave out archived listings; a get returns the last archived period.
        request = pb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling)
        periods = [connection.call(connection.registry.GetVenueSymbol, request).venue_symbol]
    if listing:
        periods = [period for period in periods if period.listing_id == listing]
    if len(periods) == 1:
        return periods[0]
    if not periods:
        text = f"{spelling!r} at {venue!r} has no listing {listing}: see cqar listing list {venue}"
        raise CallFailed(f"{text} --spelling {spelling} --include-delisted", "NOT_FOUND")
    lines = [f"  {period.listing_id}  {_period(period)}" for period in periods]
    text = f"{spelling!r} has {len(periods)} periods: choose one with --listing"
    raise CallFailed("\n".join([text, *lines]), "INVALID_ARGUMENT")


def _aliases(connection: Connection, listing: Listing) -> list[Listing]:
    """The listings of spellings that are aliases of this one."""
    listings = _listings(connection, venue_id=listing.venue_id, symbol_id=listing.symbol_id)
    return [other for other in listings if other.alias_of == listing.venue_symbol]


def _listings(connection: Connection, **filters: str) -> list[Listing]:
    fields: dict[str, Any] = {"include_delisted": True, **filters}
    request = pb.ListVenueSymbolsRequest(**fields)
    method = connection.registry.ListVenueSymbols
    return list(pagination.entities(connection, method, request, "venue_symbols"))


def _apply_items(
    voided: Sequence[Listing], symbol_id: str, read_revision: int
) -> list[apb.ApplyItem]:
    """Tombstones, and the same periods for the other symbol if one is given."""
    items = [
        apb.ApplyItem(
            tombstone=apb.EntityRef(kind=KIND, key=listing.listing_id), if_revision=read_revision
        )
        for listing in reversed(voided)  # an alias goes before its primary spelling
    ]
    for listing in voided if symbol_id else ():
        replacement = Listing()
        replacement.CopyFrom(listing)
        replacement.symbol_id = symbol_id
        replacement.listing_id = ""
        items.append(apb.ApplyItem(venue_symbol=replacement))
    return items


def _show(labels: IdLabels, voided: Sequence[Listing], symbol_id: str) -> None:
    labels.load(("symbol", key) for key in (symbol_id, voided[0].symbol_id) if key)
    meant = labels.get("symbol", voided[0].symbol_id)
    replacement = labels.get("symbol", symbol_id) or "nothing"
    rows = [(v.venue_symbol, _period(v), meant, replacement, v.listing_id) for v in voided]
    table("To be voided", ("spelling", "period", "meant", "will mean", "id"), rows)


def _period(listing: Listing) -> str:
    has_begin = listing.HasField("listed_at")
    begin = listing.listed_at.ToJsonString() if has_begin else "an unknown time"
    end = listing.delisted_at.ToJsonString() if listing.HasField("delisted_at") else "now"
    return f"{begin} to {end}"
