"""`cqar asset merge` and `unmerge`: two ids that turn out to be one asset, and back."""

from __future__ import annotations

from typing import Any

import click
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli.finding_report import TURNED_SHOWN_MAX, count_text, verdict_row
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.output import confirm, print_json, require_terminal, say, table
from cqar.cli.target import Target, with_target


def _run_options(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the response as JSON."),
        click.option("--yes", "-y", is_flag=True, help="Skip the confirmation."),
        click.option("--plan", is_flag=True, help="Show what would change; change nothing."),
        click.option("--reason", required=True, help="Reason for the audit log."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("asset")
@click.argument("target")
@_run_options
@with_target
def merge(
    connection_target: Target,
    asset: str,
    target: str,
    *,
    reason: str,
    plan: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Merge ASSET into TARGET: they are one asset, and TARGET's id stays.

    Every reference moves in one revision: symbols, venue assets, deployments, identifiers,
    relationships, groups, flags. Whoever asks by the id of ASSET, or of a symbol that went up in
    one of TARGET's, is answered with the other one from then on, everywhere. By default another
    person must agree: `cqar findings approve`. `cqar asset unmerge` takes it back.

    \b
    Example: cqar asset merge 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 LIT --reason "same contract"
    """
    if not (plan or yes):
        require_terminal("--plan or --yes")
    with connection_target.to_writer() as connection:
        lookup = IdLookup(connection)
        request = pb.MergeAssetsRequest(
            from_asset_id=lookup.id_of("asset", asset),
            to_asset_id=lookup.id_of("asset", target),
            reason=reason,
            dry_run=True,
        )
        method = connection.admin.MergeAssets
        response = _change(connection, method, request, plan=plan, yes=yes, as_json=as_json)
    if as_json:
        print_json(response)
    elif plan:
        say("Nothing was changed: this is a plan.")
    elif response.finding.state == finding_pb2.FINDING_STATE_OPEN:
        finding_id = response.finding.finding_id
        say(f"Another person must agree: cqar findings approve {finding_id} --reason …")
    else:
        say(f"merged, revision {response.revision}")


@click.command()
@click.argument("asset")
@_run_options
@with_target
def unmerge(
    target: Target, asset: str, *, reason: str, plan: bool, yes: bool, as_json: bool
) -> None:
    """Take the merge of ASSET back; ASSET is its id, as it was before.

    Every reference that the merge moved is as it was. What changed since stays as it is; what came
    since stays with the asset that ASSET was merged into.

    \b
    Example: cqar asset unmerge 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --reason "two coins"
    """
    if not (plan or yes):
        require_terminal("--plan or --yes")
    with target.to_writer() as connection:
        request = pb.UnmergeAssetRequest(asset_id=asset, reason=reason, dry_run=True)
        method = connection.admin.UnmergeAsset
        response = _change(connection, method, request, plan=plan, yes=yes, as_json=as_json)
    if as_json:
        print_json(response)
    else:
        done = (
            "Nothing was changed: this is a plan."
            if plan
            else f"unmerged, revision {response.revision}"
        )
        say(done)


def _change(
    connection: Connection, method: Any, request: Any, *, plan: bool, yes: bool, as_json: bool
) -> Any:
    """Show what a request would change; make it, unless it is a plan or the user says no.

    Raises:
        CallFailed: The writer refused the request; the text says why.
    """
    response = connection.call(method, request)
    preview: pb.DecisionPreview = response.preview
    if preview.violations:
        lines = [f"{v.field or v.reason}: {v.message}" for v in preview.violations]
        raise CallFailed("\n".join(lines), "INVALID_ARGUMENT", preview.violations[0].reason)
    if not as_json:
        _show(preview)
    if plan:
        return response
    if not yes:
        confirm("This will be changed. Continue?", err=True)
    request.dry_run = False
    return connection.call(method, request)


def _show(preview: pb.DecisionPreview) -> None:
    say(f"It changes {count_text(preview.counts)}.")
    if preview.verdicts:
        rows = [verdict_row(verdict) for verdict in preview.verdicts[:TURNED_SHOWN_MAX]]
        table("Opening turns for", ("listing", "before", "after"), rows)
