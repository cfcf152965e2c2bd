"""`cqar listing void`: a spelling never meant that. The period goes, its history stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.apply_all import applied
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.output import confirm, print_json, require_terminal, say, table
from cqar.cli.target import Target, with_target

Listing = venue_symbol_pb2.VenueSymbol
KIND: Final = "venue_symbol"


@click.command()
@click.argument("venue")
@click.argument("spelling")
@click.option("--listing", help="The period that is meant, by its id, where there are several.")
@click.option("--symbol", help="What it meant instead, all that time: listed so at once.")
@click.option("--reason", required=True, help="Why, for the audit log.")
@click.option("--plan", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The plan, or the answer, as JSON.")
@with_target
def void(
    target: Target,
    venue: str,
    spelling: str,
    *,
    listing: str | None,
    symbol: str | None,
    reason: str,
    plan: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take back that SPELLING ever meant what a listing says, in the past as well.

    For a mapping that was wrong from the start; what ended is delisted (`cqar listing rm`). From
    the next revision on no lookup tells it any more, not as of any time; the history keeps all of
    it. Its aliases go with it. With --symbol the same period means that symbol, with the terms that
    hold now; of those it had before nothing is told then but in its history.

    \b
    Example: cqar listing void binance LUNAUSDT --symbol LUNC/USDT --reason "incident 12"
    """
    if not (plan or yes):
        require_terminal("--plan or --yes")
    with target.to_writer() as connection:
        # What changes from here on is not what was read: Apply refuses it.
        read_at = connection.call(connection.admin.GetHead, apb.GetHeadRequest()).head.revision
        wrong = _find_listing(connection, venue, spelling, listing)
        symbol_id = IdLookup(connection).id_of("symbol", symbol or "")
        voided = [wrong, *_aliases(connection, wrong)]
        request = apb.ApplyRequest(items=_apply_items(voided, symbol_id, read_at), historical=True)
        request.dry_run = plan or not yes
        if wrong.HasField("terms_since"):
            request.as_of.CopyFrom(wrong.terms_since)
        answer = applied(connection, request, reason, "listing")
        if not as_json:
            _show(IdLabels(connection), voided, symbol_id)
        if not (plan or yes):
            confirm("have it voided?", err=True)
            request.dry_run = False
            answer = applied(connection, request, reason, "listing")
    if as_json:
        print_json(answer)
        return
    if plan:
        say("Nothing was changed: this is a plan.")
        return
    say(
        f"voided, revision {answer.revision}; what was told until then:"
        f" cqar history {KIND}:{wrong.listing_id}"
    )


def _find_listing(
    connection: Connection, venue: str, spelling: str, listing: str | None
) -> Listing:
    """The period that is to be voided.

    Raises:
        CallFailed: There is none, or it is not clear which.
    """
    found = _listings(connection, venue_id=venue, venue_symbol=spelling)
    if not found or listing not in (None, *(one.listing_id for one in found)):
        # Of what is archived, which no list has, the last period.
        asked = pb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling)
        found = [connection.call(connection.registry.GetVenueSymbol, asked).venue_symbol]
    if listing:
        found = [one for one in found if one.listing_id == listing]
    if len(found) == 1:
        return found[0]
    if not found:
        text = f"{spelling!r} at {venue!r} has no listing {listing}: see cqar listing list {venue}"
        raise CallFailed(f"{text} --spelling {spelling} --include-delisted", "NOT_FOUND")
    periods = [f"  {one.listing_id}  {_period(one)}" for one in found]
    text = f"{len(found)} periods of {spelling!r}: name one by --listing"
    raise CallFailed("\n".join([text, *periods]), "INVALID_ARGUMENT")


def _aliases(connection: Connection, wrong: Listing) -> list[Listing]:
    """The spellings that stand for it."""
    found = _listings(connection, venue_id=wrong.venue_id, symbol_id=wrong.symbol_id)
    return [one for one in found if one.alias_of == wrong.venue_symbol]


def _listings(connection: Connection, **filters: str) -> list[Listing]:
    given: dict[str, Any] = {"include_delisted": True, **filters}
    request = pb.ListVenueSymbolsRequest(**given)
    answers = pagination.pages(connection, connection.registry.ListVenueSymbols, request)
    return [one for answer in answers for one in answer.venue_symbols]


def _apply_items(voided: Sequence[Listing], symbol_id: str, read_at: int) -> list[apb.ApplyItem]:
    """Tombstones; and the same periods of another symbol, if one is given."""
    items = [
        apb.ApplyItem(tombstone=apb.EntityRef(kind=KIND, key=one.listing_id), if_revision=read_at)
        for one in reversed(voided)  # what stands for another goes before it
    ]
    for one in voided if symbol_id else ():
        right = Listing()
        right.CopyFrom(one)
        right.symbol_id = symbol_id
        right.listing_id = ""
        items.append(apb.ApplyItem(venue_symbol=right))
    return items


def _show(names: IdLabels, voided: Sequence[Listing], symbol_id: str) -> None:
    names.learn(("symbol", key) for key in (symbol_id, voided[0].symbol_id) if key)
    meant = names.get("symbol", voided[0].symbol_id)
    becomes = names.get("symbol", symbol_id) or "nothing"
    rows = [(o.venue_symbol, _period(o), meant, becomes, o.listing_id) for o in voided]
    table("To be voided", ("spelling", "period", "meant", "is to mean", "id"), rows)


def _period(listing: Listing) -> str:
    known = listing.HasField("listed_at")
    begin = listing.listed_at.ToJsonString() if known else "an unknown time"
    end = listing.delisted_at.ToJsonString() if listing.HasField("delisted_at") else "now"
    return f"{begin} to {end}"
