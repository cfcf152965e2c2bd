"""`cqar listing schedule` and `cqar upcoming`: what is known to come of listings."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.json_entities import plain_fields
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import print_json, say, table
from cqar.cli.param_types import InstantParam
from cqar.cli.target import Target, with_target
from cqar_shared.domain import decimals
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kinds.venue_symbol import TERMS, MarketStatusCode

Listing = venue_symbol_pb2.VenueSymbol

#: Statuses that may be scheduled; an end is scheduled by `cqar listing rm`.
STATUSES: Final = tuple(
    status.name for status in MarketStatusCode if status is not MarketStatusCode.DELISTED
)


class DecimalParam(click.ParamType[str]):
    name = "DECIMAL"

    def convert(self, value: Any, _: Any, __: Any) -> str:
        try:
            return decimals.plain(decimals.parse(str(value)))
        except ValueError as error:
            self.fail(f"{value!r}: {error}")


def term_options(command: Any) -> Any:
    """Add an option for each decimal term."""
    for term in reversed(TERMS):
        option = f"--{term.replace('_', '-')}"
        command = click.option(option, term, type=DecimalParam(), help=f"The {term} from then on.")(
            command
        )
    return command


@click.command("schedule", cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("spelling", shell_complete=completion_names.spellings)
@click.option("--at", type=InstantParam(), required=True, help="When the change takes effect.")
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False))
@term_options
@click.option(
    "--take-back", is_flag=True, help="Remove what was scheduled for that instant instead."
)
@click.option("--reason", required=True, help="Reason for the audit log.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what is scheduled as JSON.")
@with_target
def schedule(target: Target, **options: Any) -> None:
    """Schedule a change of SPELLING's terms, which takes effect by itself at its instant.

    Every writer, resolver and replica turns at that instant without another message. An end is
    scheduled by `cqar listing rm --delisted-at`.

    \b
    Examples:
      cqar listing schedule okx ICP-USDT-SWAP --at 2026-10-01 --tick-size 0.0001 --reason x
      cqar listing schedule okx ICP-USDT-SWAP --at 2026-10-01 --take-back --reason x
    """
    changes = {name: options[name] for name in TERMS if options[name] is not None}
    if options["status"] is not None:
        changes["status"] = options["status"].upper()
    if bool(changes) == options["take_back"]:
        raise click.UsageError("give the terms that change, or --take-back")
    with target.to_writer() as connection:
        head = connection.call(connection.admin.GetHead, pb.GetHeadRequest()).head
        listing = open_listing(connection, options["venue"], options["spelling"])
        scheduled = _rescheduled(listing, options["at"], changes)
        after = Listing()
        after.CopyFrom(listing)
        del after.scheduled[:]
        after.scheduled.extend(scheduled)
        after.ClearField("ends_at")
        request = pb.ApplyRequest(
            items=[pb.ApplyItem(venue_symbol=after, if_revision=head.revision)],
            dry_run=options["plan_only"],
        )
        connection.apply(request, options["reason"], "listing")
    rows = [_row(change) for change in scheduled]
    if options["as_json"]:
        print_json(
            [dict(zip(("effective_at", "field", "value"), row, strict=True)) for row in rows]
        )
        return
    title = f"Scheduled for {options['venue']} {options['spelling']}"
    table(title, ("at", "field", "value"), rows)
    if options["plan_only"]:
        say("Nothing was changed: this is a plan.")


def open_listing(connection: Connection, venue_id: str, spelling: str) -> Listing:
    """The listing that the spelling means now, or will mean first.

    Raises:
        CallFailed: There is none.
    """
    request = registry_pb.ListVenueSymbolsRequest(venue_id=venue_id, venue_symbol=spelling)
    method = connection.registry.ListVenueSymbols
    found = list(pagination.entities(connection, method, request, "venue_symbols"))
    if not found:
        text = f"{spelling!r} is not listed at {venue_id!r}: see cqar listing list {venue_id}"
        raise CallFailed(text, "NOT_FOUND")
    listing: Listing = min(found, key=lambda one: one.listed_at.ToNanoseconds())
    return listing


def _rescheduled(listing: Listing, at: dt.datetime, changes: dict[str, str]) -> list[Any]:
    """What is scheduled, with the changes of an instant in the place of what was.

    No changes take back all that was scheduled for the instant.
    """
    kept = [
        change
        for change in listing.scheduled
        if moment_of(change.effective_at) != at or (changes and change.field not in changes)
    ]
    for field, value in changes.items():
        change = venue_symbol_pb2.ScheduledChange(field=field, value=value)
        change.effective_at.FromDatetime(at)
        kept.append(change)
    return sorted(kept, key=lambda change: (change.effective_at.ToNanoseconds(), change.field))


def _row(change: Any) -> tuple[str, str, str]:
    return change.effective_at.ToJsonString(), change.field, change.value


@click.command("upcoming", cls=GroupedCommand)
@click.argument("venue", required=False, default="", shell_complete=completion_names.venues)
@click.option("--until", type=InstantParam(), help="The last instant wanted.")
@list_options
@with_target
def upcoming(
    target: Target, venue: str, *, until: dt.datetime | None, listing: ListOptions
) -> None:
    """List what is known to come: ends, scheduled changes, expiries, starts of trading.

    \b
    Examples:
      cqar upcoming
      cqar upcoming okx --until 2026-12-31
    """
    request = pb.ListUpcomingRequest(venue_id=venue)
    if until is not None:
        request.until.FromDatetime(until)
    with target.to_writer() as connection:
        method = connection.admin.ListUpcoming
        found = list(pagination.entities(connection, method, request, "upcoming"))
    columns = ("at", "venue", "spelling", "field", "value")
    rows = [
        OutputRow(
            (
                one.effective_at.ToJsonString(),
                one.venue_id,
                one.venue_symbol,
                term.field,
                term.value,
            ),
            one,
        )
        for one in found
        for at in (one.effective_at.ToJsonString(),)
        for term in one.changes
    ]
    whole = [plain_fields(one) for one in found]
    ids = ("venue", "spelling")
    show_list(ListView("Upcoming", columns, rows, ids, "nothing is known to come.", whole), listing)
