"""`cqar listing rename`: the venue spells the same product differently from an instant on."""

from __future__ import annotations

import datetime as dt
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
from cqar.cli.output import table
from cqar.cli.param_types import InstantParam
from cqar.cli.target import Target, with_target

Listing = venue_symbol_pb2.VenueSymbol

#: What a listing that begins has of its own.
_OWN_FIELDS: Final = (
    "listing_id",
    "delisted_at",
    "first_seen_at",
    "terms_since",
    "terms_stated_at",
)
#: What an alias has of its own.
_OF_ALIAS: Final = frozenset(
    {
        *("listing_id", "venue_id", "venue_symbol", "symbol_id", "alias_of", "is_primary"),
        *("listed_at", "first_seen_at", "metadata", "channels"),
    }
)


@click.command(cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("old", shell_complete=completion_names.spellings)
@click.argument("new")
@click.option("--at", type=InstantParam(), help="When it was renamed. Default: now.")
@change_options
@with_target
def rename(
    target: Target,
    venue: str,
    old: str,
    new: str,
    *,
    at: dt.datetime | None,
    how: ChangeOptions,
) -> None:
    """Rename a listing: VENUE spells OLD as NEW; the asset and the product are the same.

    The period of OLD ends at that instant, and that of NEW begins with the same symbol and the same
    terms; OLD still answers for the time before. Aliases of OLD become aliases of NEW. If the coin
    itself became another one, record that instead: `cqar relationship add OLD MIGRATES_TO NEW`.

    \b
    Example: cqar listing rename bybit GALUSDT GUSDT --at 2024-07-19T10:00Z --reason "notice 12"
    """
    if old == new:
        raise click.UsageError("OLD and NEW are the same spelling")
    require_answer(how)
    with target.to_writer() as connection:
        head = connection.call(connection.admin.GetHead, apb.GetHeadRequest()).head
        listing = _open_listing(connection, venue, old)
        instant = at or dt.datetime.now(dt.UTC)
        aliases = _aliases(connection, listing)
        items = rename_items(listing, aliases, new, instant, head.revision)
        request = apb.ApplyRequest(items=items, historical=True)
        if instant <= dt.datetime.now(dt.UTC):
            # The terms are those of then, not of now.
            request.as_of.FromDatetime(instant)

        def attempt(*, dry_run: bool) -> apb.ApplyResponse:
            request.dry_run = dry_run
            return connection.apply(request, how.reason, "listing")

        def show(_: apb.ApplyResponse) -> None:
            _show([listing, *aliases], old, new, instant)

        response = show_ask_apply(how, attempt, show, "The listing will be renamed. Continue?")
    report(how, response, f"renamed, revision {response.revision}")


def rename_items(
    listing: Listing, aliases: list[Listing], new: str, at: dt.datetime, read_revision: int
) -> list[apb.ApplyItem]:
    """The ends of the old periods and the beginnings of the new ones.

    An alias is a spelling of its own: it ends, and begins again as an alias of the new spelling.
    """
    items = []
    for old in (listing, *aliases):
        ended, begun = Listing(), Listing()
        for each in (ended, begun):
            each.CopyFrom(old)
            # They follow from status and end.
            each.ClearField("is_active")
            each.ClearField("ends_at")
        ended.delisted_at.FromDatetime(at)
        ended.ClearField("status")
        for field in _OWN_FIELDS:
            begun.ClearField(field)
        begun.listed_at.FromDatetime(at)
        if old is listing:
            begun.venue_symbol = new
        else:
            begun.alias_of = new
        items += [
            apb.ApplyItem(venue_symbol=ended, if_revision=read_revision),
            apb.ApplyItem(venue_symbol=begun),
        ]
    return items


def _open_listing(connection: Connection, venue: str, spelling: str) -> Listing:
    """The listing that a spelling means now.

    Raises:
        CallFailed: It means nothing now, or stands for another spelling.
    """
    listings = _listings(connection, venue_id=venue, venue_symbol=spelling)
    if not listings:
        text = f"{spelling!r} means nothing at {venue!r} now: cqar listing list {venue}"
        missing = CallFailed(text, "NOT_FOUND", "VENUE_SYMBOL_NOT_FOUND")
        missing.request = pb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling)
        raise missing
    if listings[0].alias_of:
        text = f"{spelling!r} stands for {listings[0].alias_of!r}: rename that"
        raise CallFailed(text, "INVALID_ARGUMENT", "ALIAS")
    return listings[0]


def _aliases(connection: Connection, listing: Listing) -> list[Listing]:
    listings = _listings(connection, venue_id=listing.venue_id, symbol_id=listing.symbol_id)
    # The terms that an alias is shown with are those of what it stands for.
    return [_bare(each) for each in listings if each.alias_of == listing.venue_symbol]


def _bare(alias: Listing) -> Listing:
    kept: Any = Listing()
    kept.CopyFrom(alias)
    for field in Listing.DESCRIPTOR.fields:
        if field.name not in _OF_ALIAS:
            kept.ClearField(field.name)
    bare: Listing = kept
    return bare


def _listings(connection: Connection, **filters: str) -> list[Listing]:
    request = pb.ListVenueSymbolsRequest(**filters)  # type: ignore[arg-type]
    method = connection.registry.ListVenueSymbols
    return list(pagination.entities(connection, method, request, "venue_symbols"))


def _show(listings: list[Listing], old: str, new: str, at: dt.datetime) -> None:
    rows = []
    for listing in listings:
        is_alias = listing.venue_symbol != old
        becomes = f"{listing.venue_symbol}, alias of {new}" if is_alias else new
        rows.append((listing.venue_symbol, becomes, at.isoformat(), listing.listing_id))
    table("To be renamed", ("spelling", "becomes", "at", "id"), rows)
