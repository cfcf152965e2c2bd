"""Which findings a command is about, and what to do where a call about one is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import click
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.param_types import InstantParam

UNDECIDED: Final = ("OPEN", "HELD")
#: The refusal's reason, or gRPC's status -> what to do next.
_HINTS: Final = {
    "ALREADY_DECIDED": "see who decided it, and why: cqar findings show {id}",
    "FINDING_NOT_FOUND": "see what there is: cqar findings list --all",
    "FORBIDDEN": "another person decides, with a key that may make changes: --key, or CQAR_KEY",
    "MOVED_ON": "import the venue again, which closes what is gone; or reject it",
    "INVALID_ARGUMENT": "see what can be chosen, by --as and --units: cqar findings show {id}",
    "PERMISSION_DENIED": "give a key that may make changes: --key, or CQAR_KEY",
    "UNAUTHENTICATED": "give an API key: --key, or CQAR_KEY",
}


def finding_filters(command: Any) -> Any:
    for option in (
        click.option("--since", type=InstantParam(), help="Opened then or later."),
        click.option("--asset", help="About this asset, or it is a candidate: id or ticker."),
        click.option("--code", default="", help="About this code of an operator."),
        click.option("--spelling", default="", help="About this spelling; give --venue, too."),
        click.option("--kind", multiple=True, help="Such as REUSE; may be given several times."),
        click.option("--venue", default="", help="About this venue, or operator."),
    ):
        command = option(command)
    return command


def list_request(
    connection: Connection, options: dict[str, Any], states: Sequence[str]
) -> pb.ListProposalsRequest:
    if options["spelling"] and not options["venue"]:
        raise click.UsageError("a spelling is one of a venue: give --venue")
    request = pb.ListProposalsRequest(
        states=[finding_pb2.FindingState.Value(f"FINDING_STATE_{s.upper()}") for s in states],
        kinds=[kind.upper() for kind in options["kind"]],
        venue_id=options["venue"],
        venue_symbol=options["spelling"],
        code=options["code"],
        asset_id=IdLookup(connection).id_of("asset", options["asset"] or ""),
    )
    since: dt.datetime | None = options["since"]
    if since is not None:
        request.opened_from.FromDatetime(since)
    return request


def read_findings(
    connection: Connection, request: pb.ListProposalsRequest, limit: int
) -> tuple[list[Any], dict[str, int]]:
    """Return the newest findings, and how many there are of each kind."""
    counts: dict[str, int] = {}
    found: list[Any] = []
    page_rows = min(limit, pagination.PAGE_ROWS)
    for page in pagination.pages(connection, connection.admin.ListProposals, request, page_rows):
        counts = counts or dict(page.counts)
        found += page.findings
        if len(found) >= limit:
            break
    return found[:limit], counts


def choice_of(connection: Connection, options: dict[str, Any]) -> dict[str, str]:
    asset_id = IdLookup(connection).id_of("asset", options["chosen"] or "")
    return {"asset_id": asset_id, "units": options["units"]}


def get_finding(connection: Connection, finding_id: str, choice: dict[str, str]) -> Any:
    request = pb.GetProposalRequest(finding_id=finding_id, **choice)
    try:
        return connection.call(connection.admin.GetProposal, request)
    except CallFailed as error:
        raise with_hint(error, finding_id) from error


def with_hint(error: CallFailed, finding_id: str) -> CallFailed:
    hint = _HINTS.get(error.reason, _HINTS.get(error.code))
    if hint is None:
        return error
    return error.reworded(f"{error}\n{hint.format(id=finding_id)}")
