"""`cqar rejects`: orders that venues refused, as executors reported them."""

from __future__ import annotations

from typing import Any, Final

import click
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.cli import completion_names
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import say
from cqar.cli.target import Target, with_target

COLUMNS: Final = (
    *("spelling", "reason", "reports", "actor", "last", "code", "message"),
    *("price", "quantity"),
)
_PREFIX: Final = "REJECT_REASON_"
_REASONS: Final = tuple(
    value.name.removeprefix(_PREFIX) for value in pb.RejectReason.DESCRIPTOR.values[1:]
)


@click.group("rejects", cls=GroupedGroup)
def rejects() -> None:
    """Orders that venues refused, as executors reported them.

    Enough reports of several actors make a finding, ORDER_REJECTED, and put the listing in doubt.

    \b
    Example:
      cqar rejects list binance
    """


@rejects.command("list")
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("spelling", default="", shell_complete=completion_names.spellings)
@list_options
@with_target
def list_rejects(target: Target, venue: str, spelling: str, *, listing: ListOptions) -> None:
    """List what was reported of VENUE within a week, or of one SPELLING; the newest first.

    \b
    Example:
      cqar rejects list binance BTCUSDT
    """
    request = pb.ListRejectsRequest(venue_id=venue, venue_symbol=spelling)
    with target.to_writer() as connection:
        method = connection.admin.ListRejects
        found = list(pagination.entities(connection, method, request, "rejects"))
    rows = [OutputRow([str(cell) for cell in _row(count)], count) for count in found]
    ids = ("spelling", "reason", "actor")
    title = f"Refused orders of {venue}"
    show_list(ListView(title, COLUMNS, rows, ids, "no orders were reported."), listing)


def _row(count: pb.RejectCount) -> tuple[Any, ...]:
    return (
        count.venue_symbol,
        pb.RejectReason.Name(count.reason).removeprefix(_PREFIX),
        count.reports,
        count.actor,
        count.last_at.ToJsonString(),
        count.code,
        count.message,
        count.price,
        count.quantity,
    )


@rejects.command("report")
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("spelling", shell_complete=completion_names.spellings)
@click.option("--code", default="", help="The venue's code of the refusal.")
@click.option("--message", default="", help="The venue's text of the refusal.")
@click.option("--reason", type=click.Choice(_REASONS), help="What for; default: read from both.")
@click.option("--price", default="", help="The order's price.")
@click.option("--quantity", default="", help="The order's quantity.")
@with_target
def report(target: Target, venue: str, spelling: str, reason: str | None, **order: str) -> None:
    """Report that VENUE refused an order of SPELLING.

    \b
    Example:
      cqar rejects report binance BTCUSDT --code -1013 --message "Filter failure: LOT_SIZE"
    """
    request = pb.ReportRejectRequest(venue_id=venue, venue_symbol=spelling)
    for name, value in order.items():
        setattr(request, name, value)
    if reason is not None:
        request.reason = pb.RejectReason.Value(f"{_PREFIX}{reason}")
    with target.to_writer() as connection:
        answer = connection.call(connection.admin.ReportReject, request)
    name = pb.RejectReason.Name(answer.reason).removeprefix(_PREFIX)
    say(f"{name}: {answer.reports} reports by {answer.actors} actors")
    if answer.finding_id:
        say(f"they made finding {answer.finding_id}: cqar findings show {answer.finding_id}")
