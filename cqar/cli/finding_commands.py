"""`cqar findings`: what sources say and the registry does not simply take, and decisions on it."""

from __future__ import annotations

from typing import Any, Final

import click
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.cli import finding_report
from cqar.cli.finding_decisions import approve, hold, reject
from cqar.cli.finding_selection import (
    UNDECIDED,
    choice_of,
    finding_filters,
    get_finding,
    list_request,
    read_findings,
)
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.json_entities import plain_fields
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.output import print_json, say, to_stderr
from cqar.cli.target import Target, with_target

STATES: Final = tuple(
    name.removeprefix("FINDING_STATE_") for name in finding_pb2.FindingState.keys()[1:]
)
#: Findings that a list shows unless it is told otherwise.
LISTED_DEFAULT: Final = 100


@click.group(cls=GroupedGroup)
def findings() -> None:
    """Findings: what a source says and the registry does not simply take.

    The policy decides what is done with which kind; what it does not apply waits for people. Their
    decision is applied at once, in one revision.

    \b
    Examples:
      cqar findings list --venue binance-usdm
      cqar findings show 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11
      cqar findings approve 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --as LIT --reason "its contract"
    """


@findings.command("list")
@finding_filters
@click.option(
    "--status",
    "states",
    multiple=True,
    type=click.Choice(STATES, case_sensitive=False),
    help="May be given several times; default: OPEN and HELD.",
)
@click.option("--all", "all_states", is_flag=True, help="Of every state.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=LISTED_DEFAULT,
    show_default=True,
    help="The newest so many.",
)
@list_options
@with_target
def list_(target: Target, *, listing: ListOptions, **options: Any) -> None:
    """List findings, the newest first, and how many there are of each kind.

    \b
    Examples:
      cqar findings list
      cqar findings list --kind SAME_TICKER --kind REUSE --since 2026-11-01
      cqar findings list --asset LIT --all --json
    """
    states = () if options["all_states"] else options["states"] or UNDECIDED
    with target.to_writer() as connection:
        request = list_request(connection, options, states)
        found, counts = read_findings(connection, request, options["limit"])
    total = sum(counts.values())
    title = f"{total} findings" + (f": {finding_report.count_text(counts)}" if counts else "")
    rows = [OutputRow(finding_report.list_row(each), each) for each in found]
    whole = {"counts": counts, "findings": [plain_fields(each) for each in found]}
    view = ListView(title, finding_report.LIST_COLUMNS, rows, ("id",), "no findings.", whole)
    show_list(view, listing)
    if total > len(found):
        to_stderr(f"the newest {len(found)} of {total}: --limit shows more")


@findings.command("show")
@click.argument("finding_id", metavar="ID")
@click.option("--as", "chosen", help="Preview this choice: an asset's id or ticker.")
@click.option("--units", default="", help="Preview this choice: units in one unit of the code.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target
def show(target: Target, **options: Any) -> None:
    """Show a finding: evidence for and against, raw records, and what approving it would turn.

    \b
    Example:
      cqar findings show 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11
    """
    finding_id = options["finding_id"]
    with target.to_writer() as connection:
        answer = get_finding(connection, finding_id, choice_of(connection, options))
        if options["as_json"]:
            print_json(
                {
                    "finding": plain_fields(answer.finding),
                    "preview": plain_fields(answer.preview),
                }
            )
            return
        finding_report.show(answer.finding, answer.preview, IdLabels(connection))
    if answer.finding.state == finding_pb2.FINDING_STATE_OPEN:
        say(f"Decide it with: cqar findings approve|reject|hold {finding_id} --reason TEXT")


@findings.command("policy")
@list_options
@with_target
def policy(target: Target, *, listing: ListOptions) -> None:
    """Show the policy: rules in their order, of which the first that matches decides.

    The writer's setting `finding_policy` puts rules before the default ones.

    \b
    Example:
      cqar findings policy
    """
    with target.to_writer() as connection:
        answer = connection.call(connection.admin.GetFindingPolicy, pb.GetFindingPolicyRequest())
    rows = [
        OutputRow(
            (
                rule.name,
                finding_report.action_of(rule),
                *("\n".join(names) or "any" for names in (rule.kinds, rule.venue_ids, rule.fields)),
            ),
            rule,
        )
        for rule in answer.rules
    ]
    otherwise = ("otherwise", "REVIEW", "any", "any", "any")
    rows.append(OutputRow(otherwise, {"name": "otherwise", "action": "FINDING_ACTION_REVIEW"}))
    columns = ("rule", "action", "kinds", "venues", "fields")
    whole = plain_fields(answer)
    show_list(ListView("Policy", columns, rows, ("rule",), whole=whole), listing)


for command in (approve, reject, hold):
    findings.add_command(command)
