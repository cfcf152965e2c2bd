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
from cqar.admin.connection import CallFailed
from cqar.cli import completion_names
from cqar.cli.change_flow import (
    ChangeOptions,
    change_options,
    report,
    require_answer,
    show_ask_apply,
)
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.list_output import ListOptions, ListView, list_options, rows_of, show_list
from cqar.cli.output import say, table
from cqar.cli.param_types import LengthParam
from cqar.cli.schedule import STATUSES, open_listing, term_options
from cqar.cli.target import Target, with_target
from cqar_shared.domain import tradeability
from cqar_shared.domain.kinds.venue_symbol import TERMS

Listing = venue_symbol_pb2.VenueSymbol

COLUMNS: Final = ("venue", "spelling", "group", "field", "now", "canary", "from", "until", "state")


@click.group("canary", cls=GroupedGroup)
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
            click.argument("venue", shell_complete=completion_names.venues),
            click.argument("spelling", shell_complete=completion_names.spellings),
            click.option("--group", required=True, help="The group of resolvers.  [required]"),
        )
    ):
        command = option(command)
    return command


@canary.command("start")
@click.option(
    "--for", "length", type=LengthParam(), required=True, help="Until it lapses.  [required]"
)
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False))
@term_options
@_decision_options
@change_options
@with_target
def start(target: Target, *, how: ChangeOptions, **options: Any) -> None:
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

    _change(target, how, options, started)


@canary.command("promote")
@_decision_options
@change_options
@with_target
def promote(target: Target, *, how: ChangeOptions, **options: Any) -> None:
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

    _change(target, how, options, promoted)


@canary.command("withdraw")
@_decision_options
@change_options
@with_target
def withdraw(target: Target, *, how: ChangeOptions, **options: Any) -> None:
    """End a group's canary: its resolvers have the former terms again.

    \b
    Example:
      cqar canary withdraw binance BTCUSDT --group desk --reason "orders were refused"
    """
    _change(target, how, options, lambda after: _withdraw(after, options["group"]))


@canary.command("list")
@click.argument("venue", default="", shell_complete=completion_names.venues)
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
    rows = rows_of(COLUMNS, cells)
    ids = ("venue", "spelling", "group", "field")
    show_list(ListView("Canaries", COLUMNS, rows, ids, "no canaries."), listing)


def _change(
    target: Target, how: ChangeOptions, options: dict[str, Any], change: Callable[[Listing], None]
) -> None:
    """Show what a change makes of a listing, ask, and make it.

    Raises:
        CallFailed: The listing or its canary does not exist, or the listing changed meanwhile.
    """
    require_answer(how)
    with target.to_writer() as connection:
        head = connection.call(connection.admin.GetHead, pb.GetHeadRequest()).head
        before = open_listing(connection, options["venue"], options["spelling"])
        after = before

        def attempt(*, dry_run: bool) -> Any:
            # Made anew each time: a canary may have lapsed while somebody read.
            nonlocal after
            after = _changed(before, change)
            item = pb.ApplyItem(venue_symbol=after, if_revision=head.revision)
            request = pb.ApplyRequest(items=[item], dry_run=dry_run)
            return connection.apply(request, how.reason, "listing")

        def show(_: Any) -> None:
            table("What holds for groups", COLUMNS, list(_rows(after)))
            for field in _changed_terms(before, after):
                was, now = _term(before, field), _term(after, field)
                say(f"for all: {field} {was} → {now}")

        response = show_ask_apply(how, attempt, show, "Change it?")
    report(how, response, f"changed, revision {response.revision}")


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
