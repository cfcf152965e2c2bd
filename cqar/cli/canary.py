"""`cqar canary`: terms that hold for the resolvers of a group before somebody decides on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import confirm, require_terminal, say, table
from cqar.cli.param_types import LengthParam
from cqar.cli.schedule import STATUSES, open_listing, term_options
from cqar.cli.target import Target, with_target
from cqar_shared.domain import tradeability
from cqar_shared.domain.kinds.venue_symbol import TERMS

Listing = venue_symbol_pb2.VenueSymbol

COLUMNS: Final = ("venue", "spelling", "group", "field", "now", "canary", "from", "until", "state")


@click.group("canary")
def canary() -> None:
    """Terms that hold for the resolvers of a group first (`canary_group` in their settings).

    All others keep the former terms until the change is promoted. Undecided at its end, it lapses.

    \b
    Example:
      cqar canary start binance BTCUSDT --group desk --for 10m --tick-size 0.1 --reason trial
    """


def _decision_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.argument("venue"),
            click.argument("spelling"),
            click.option("--group", required=True, help="The group of resolvers.  [required]"),
            click.option("--reason", required=True, help="Reason for the audit log.  [required]"),
            click.option(
                "--plan", "plan_only", is_flag=True, help="Show what would change; change nothing."
            ),
            click.option("--yes", is_flag=True, help="Change it without asking."),
        )
    ):
        command = option(command)
    return with_target(command)


@canary.command("start")
@click.option(
    "--for", "length", type=LengthParam(), required=True, help="Until it lapses.  [required]"
)
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False))
@term_options
@_decision_options
def start(target: Target, **options: Any) -> None:
    """Let SPELLING have other terms for the resolvers of a group, from now on.

    \b
    Example:
      cqar canary start binance BTCUSDT --group desk --for 10m --tick-size 0.1 --reason trial
    """
    changes = {name: options[name] for name in TERMS if options[name] is not None}
    if options["status"] is not None:
        changes["status"] = options["status"].upper()
    if not changes:
        raise click.UsageError("give the terms that the group is to have, such as --tick-size")

    def started(after: Listing) -> None:
        # It begins when it is made, not when somebody was asked.
        now = dt.datetime.now(dt.UTC)
        kept = [
            c
            for c in after.canaries
            if c.canary_group != options["group"] or c.field not in changes
        ]
        del after.canaries[:]
        after.canaries.extend(kept)
        for field, value in changes.items():
            change = after.canaries.add(canary_group=options["group"], field=field, value=value)
            change.effective_at.FromDatetime(now)
            change.ends_at.FromDatetime(now + options["length"])

    _change(target, options, started)


@canary.command("promote")
@_decision_options
def promote(target: Target, **options: Any) -> None:
    """Give all resolvers the terms that a group has; its canary ends.

    \b
    Example:
      cqar canary promote binance BTCUSDT --group desk --reason "ran well"
    """

    def promoted(after: Listing) -> None:
        for change in _of_group(after, options["group"]):
            tradeability.set_term(after, change.field, change.value)
            # The writer derives it of the status.
            after.ClearField("is_active")
        _withdraw(after, options["group"])

    _change(target, options, promoted)


@canary.command("withdraw")
@_decision_options
def withdraw(target: Target, **options: Any) -> None:
    """End a group's canary: its resolvers have the former terms again.

    \b
    Example:
      cqar canary withdraw binance BTCUSDT --group desk --reason "orders were refused"
    """
    _change(target, options, lambda after: _withdraw(after, options["group"]))


@canary.command("list")
@click.argument("venue", default="")
@list_options
@with_target
def list_canaries(target: Target, venue: str, *, listing: ListOptions) -> None:
    """List what holds for groups, and what has lapsed and is not withdrawn yet.

    \b
    Example:
      cqar canary list binance
    """
    request = registry_pb.ListVenueSymbolsRequest(venue_id=venue)
    with target.to_writer() as connection:
        method = connection.registry.ListVenueSymbols
        found = pagination.entities(connection, method, request, "venue_symbols")
        cells = [row for each in found for row in _rows(each)]
    rows = [OutputRow(row, dict(zip(COLUMNS, row, strict=True))) for row in cells]
    ids = ("venue", "spelling", "group", "field")
    show_list(ListView("Canaries", COLUMNS, rows, ids, "no canaries."), listing)


def _change(target: Target, options: dict[str, Any], change: Callable[[Listing], None]) -> None:
    """Show what a change makes of a listing, ask, and make it.

    Raises:
        CallFailed: The listing or its canary does not exist, or the listing changed meanwhile.
    """
    with target.to_writer() as connection:
        head = connection.call(connection.admin.GetHead, pb.GetHeadRequest()).head
        before = open_listing(connection, options["venue"], options["spelling"])
        after = _changed(before, change)
        _apply(connection, after, head.revision, options, is_plan=True)
        table("What holds for groups", COLUMNS, list(_rows(after)))
        for field in _changed_terms(before, after):
            was, now = _term(before, field), _term(after, field)
            say(f"for all: {field} {was} → {now}")
        if options["plan_only"]:
            say("Nothing was changed: this is a plan.")
            return
        if not options["yes"]:
            require_terminal("--yes or --plan")
            confirm("Change it?")
            # It may have lapsed while somebody read.
            after = _changed(before, change)
        _apply(connection, after, head.revision, options, is_plan=False)


def _changed(before: Listing, change: Callable[[Listing], None]) -> Listing:
    """Return a listing after a change, as of now.

    Raises:
        CallFailed: The group's canary does not exist, or has lapsed.
    """
    after = Listing()
    after.CopyFrom(before)
    after.ClearField("ends_at")
    change(after)
    return after


def _apply(
    connection: Connection, after: Listing, revision: int, options: dict[str, Any], *, is_plan: bool
) -> None:
    item = pb.ApplyItem(venue_symbol=after, if_revision=revision)
    request = pb.ApplyRequest(items=[item], dry_run=is_plan)
    connection.apply(request, options["reason"], "listing")


def _of_group(listing: Listing, group: str) -> list[Any]:
    """The changes of a group.

    Raises:
        CallFailed: The group has no change here, or nobody has one of them any more.
    """
    found = [change for change in listing.canaries if change.canary_group == group]
    if not found:
        text = f"{listing.venue_symbol!r} has no canary for group {group!r}: see cqar canary list"
        raise CallFailed(text, "NOT_FOUND")
    if lapsed := [change.field for change in found if _is_over(change)]:
        text = f"the canary of group {group!r} has lapsed for {', '.join(lapsed)}"
        raise CallFailed(f"{text}: start it anew, or change the terms", "FAILED_PRECONDITION")
    return found


def _withdraw(after: Listing, group: str) -> None:
    kept = [change for change in after.canaries if change.canary_group != group]
    if len(kept) == len(after.canaries):
        text = f"{after.venue_symbol!r} has no canary for group {group!r}: see cqar canary list"
        raise CallFailed(text, "NOT_FOUND")
    del after.canaries[:]
    after.canaries.extend(kept)


def _term(listing: Listing, field: str) -> str:
    if field == "status":
        name = venue_symbol_pb2.MarketStatus.Name(listing.status)
        return name.removeprefix("MARKET_STATUS_")
    return getattr(listing.exact, field) or "none"


def _changed_terms(before: Listing, after: Listing) -> list[str]:
    return [f for f in (*TERMS, "status") if _term(before, f) != _term(after, f)]


def _is_over(change: Any) -> bool:
    return bool(change.ends_at.ToDatetime(dt.UTC) <= dt.datetime.now(dt.UTC))


def _rows(listing: Listing) -> Iterator[tuple[str, ...]]:
    for change in listing.canaries:
        yield (
            listing.venue_id,
            listing.venue_symbol,
            change.canary_group,
            change.field,
            _term(listing, change.field),
            change.value,
            change.effective_at.ToJsonString(),
            change.ends_at.ToJsonString(),
            _state(change),
        )


def _state(change: Any) -> str:
    if _is_over(change):
        return "LAPSED"
    begun = change.effective_at.ToDatetime(dt.UTC) <= dt.datetime.now(dt.UTC)
    return "HOLDS" if begun else "WAITS"
