"""`cqar findings approve`, `reject` and `hold`: decisions, each shown before it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import click
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli import finding_report
from cqar.cli.exit_codes import REFUSED
from cqar.cli.finding_selection import (
    UNDECIDED,
    choice_of,
    finding_filters,
    get_finding,
    list_request,
    read_findings,
    with_hint,
)
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.json_entities import plain_fields
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.output import confirm, print_json, require_terminal, say, table, to_stderr
from cqar.cli.target import Target, with_target

#: Findings that one command decides.
DECIDED_MAX: Final = 1_000


def _deciding(verdict: str, summary: str) -> click.Command:
    """Make the command of a verdict."""

    @click.command(verdict, help=summary, cls=GroupedCommand)
    @click.argument("finding_ids", metavar="[ID]...", nargs=-1)
    @finding_filters
    @click.option("--as", "chosen", help="What it is, where there is a choice: id or ticker.")
    @click.option("--units", default="", help="How many, where there is a choice.")
    @click.option("--reason", required=True, help="Why; it is kept with the decision.")
    @click.option("--plan", is_flag=True, help="Show what would change; change nothing.")
    @click.option("--yes", "-y", is_flag=True, help="Skip the confirmation.")
    @click.option("--json", "as_json", is_flag=True, help="Print the decided findings as JSON.")
    @with_target
    def command(target: Target, **options: Any) -> None:
        _decide(target, verdict, options)

    return command


approve = _deciding(
    "approve",
    """Approve findings: by their ids, or all undecided ones that pass the filters.

    What would change is shown first. Where two people must agree, the second one's approval
    applies it. Who opened a finding does not decide it.

    \b
    Examples:
      cqar findings approve 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --as LIT --reason "its contract"
      cqar findings approve --venue okx --kind STEPS_COARSER --reason "announced" --yes
    """,
)
reject = _deciding(
    "reject",
    """Reject findings: by their ids, or all undecided ones that pass the filters.

    What is known stays, and the doubts that a finding left until then are lifted. The same
    finding is not asked again.

    \b
    Example:
      cqar findings reject 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --reason "another coin"
    """,
)
hold = _deciding(
    "hold",
    """Put findings off, and say why; anyone may decide them later.

    \b
    Example:
      cqar findings hold 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --reason "asked the venue"
    """,
)


def _decide(target: Target, verdict: str, options: dict[str, Any]) -> None:
    """Decide findings one by one: what is refused does not keep the others from being decided."""
    if not (options["plan"] or options["yes"]):
        require_terminal("--yes or --plan")
    with target.to_writer() as connection:
        ids = options["finding_ids"] or _selected(connection, options)
        if not ids:
            say("No finding that waits for a decision passes the filters.")
            return
        choice = choice_of(connection, options)
        if not options["as_json"] or options["plan"]:
            _preview(connection, verdict, ids, choice)
        if options["plan"]:
            say("Nothing was changed: this is a plan.")
            return
        if not options["yes"]:
            confirm(f"{len(ids)} findings: {verdict} them?", err=True)
        decided = [
            answer
            for finding_id in ids
            if (answer := _decide_one(connection, verdict, finding_id, choice, options["reason"]))
        ]
    if options["as_json"]:
        print_json([plain_fields(answer.finding) for answer in decided])
    else:
        for answer in decided:
            say(_result(answer))
    if len(decided) < len(ids):
        to_stderr(f"{len(ids) - len(decided)} of {len(ids)} were refused")
        raise click.exceptions.Exit(REFUSED)


def _selected(connection: Connection, options: dict[str, Any]) -> list[str]:
    """The ids of the undecided findings that pass the filters.

    Raises:
        UsageError: There is no filter, or more findings pass than one command decides.
    """
    if not any(options[name] for name in ("venue", "kind", "code", "asset", "since")):
        raise click.UsageError("give the ids of findings, or filters such as --venue and --kind")
    request = list_request(connection, options, UNDECIDED)
    found, counts = read_findings(connection, request, DECIDED_MAX + 1)
    if len(found) > DECIDED_MAX:
        message = (
            f"{sum(counts.values())} findings pass; at most {DECIDED_MAX} at once: filter more"
        )
        raise click.UsageError(message)
    return [each.finding_id for each in found]


def _preview(
    connection: Connection, verdict: str, ids: Sequence[str], choice: dict[str, str]
) -> None:
    """Show what will be decided, and what an approval changes."""
    answers = [get_finding(connection, finding_id, choice) for finding_id in ids]
    if len(answers) == 1 and verdict == "approve":
        (answer,) = answers
        finding_report.show(answer.finding, answer.preview, IdLabels(connection))
        return
    rows = []
    for answer in answers:
        finding, preview = answer.finding, answer.preview
        change = finding_report.change_text(finding) or finding.summary
        row = [finding.finding_id, finding.kind, finding_report.about(finding), change]
        if verdict == "approve":
            why_not = "; ".join(v.message for v in islice(preview.violations, 3))
            row.append(why_not or finding_report.count_text(preview.counts))
            row.append(str(len(preview.verdicts)))
        rows.append(row)
    columns = ["id", "kind", "about", "change"]
    columns += ["changes", "verdicts that turn"] if verdict == "approve" else []
    table(f"To {verdict}: {len(rows)} findings", columns, rows)


def _decide_one(
    connection: Connection, verdict: str, finding_id: str, choice: dict[str, str], reason: str
) -> Any:
    """Decide a finding; say why and return None where that is refused."""
    number: Any = finding_pb2.FindingVerdict.Value(f"FINDING_VERDICT_{verdict.upper()}")
    request = pb.DecideProposalRequest(finding_id=finding_id, verdict=number, reason=reason)
    if verdict == "approve":
        request.asset_id, request.units = choice["asset_id"], choice["units"]
    try:
        return connection.call(connection.admin.DecideProposal, request)
    except CallFailed as error:
        if error.code in ("UNAVAILABLE", "UNAUTHENTICATED"):
            raise
        to_stderr(f"{finding_id}: {with_hint(error, finding_id)}")
        return None


def _result(answer: pb.DecideProposalResponse) -> str:
    finding = answer.finding
    state = finding_report.state_of(finding)
    told = f"{finding.finding_id}: {state}, revision {answer.revision}"
    if answer.approvals_missing:
        told += f"; {answer.approvals_missing} more must approve it"
    return told
