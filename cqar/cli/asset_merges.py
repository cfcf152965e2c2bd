"""`cqar asset merge` and `unmerge`: two ids that turn out to be one asset, and back."""

from __future__ import annotations

from typing import Any

import click
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.change_flow import (
    ChangeOptions,
    change_options,
    report,
    require_answer,
    show_ask_apply,
)
from cqar.cli.finding_report import TURNED_SHOWN_MAX, count_text, verdict_row
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.output import say, table
from cqar.cli.target import Target, with_target


@click.command(cls=GroupedCommand)
@click.argument("asset", shell_complete=completion_names.assets)
@click.argument("target", shell_complete=completion_names.assets)
@change_options
@with_target
def merge(
    connection_target: Target,
    asset: str,
    target: str,
    *,
    how: ChangeOptions,
) -> None:
    """Merge ASSET into TARGET: they are one asset, and TARGET's id stays.

    Every reference moves in one revision: symbols, venue assets, deployments, identifiers,
    relationships, groups, flags. Whoever asks by the id of ASSET, or of a symbol that went up in
    one of TARGET's, is answered with the other one from then on, everywhere. By default another
    person must agree: `cqar findings approve`. `cqar asset unmerge` takes it back.

    \b
    Example: cqar asset merge 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 LIT --reason "same contract"
    """
    require_answer(how)
    with connection_target.to_writer() as connection:
        lookup = IdLookup(connection)
        request = pb.MergeAssetsRequest(
            from_asset_id=lookup.id_of("asset", asset),
            to_asset_id=lookup.id_of("asset", target),
            reason=how.reason,
            dry_run=True,
        )
        method = connection.admin.MergeAssets
        response = _change(connection, method, request, how)
    done = f"merged, revision {response.revision}"
    if response.finding.state == finding_pb2.FINDING_STATE_OPEN:
        finding_id = response.finding.finding_id
        done = f"Another person must agree: cqar findings approve {finding_id} --reason …"
    report(how, response, done)


@click.command(cls=GroupedCommand)
@click.argument("asset", shell_complete=completion_names.assets)
@change_options
@with_target
def unmerge(target: Target, asset: str, *, how: ChangeOptions) -> None:
    """Take the merge of ASSET back; ASSET is its id, as it was before.

    Every reference that the merge moved is as it was. What changed since stays as it is; what came
    since stays with the asset that ASSET was merged into.

    \b
    Example: cqar asset unmerge 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --reason "two coins"
    """
    require_answer(how)
    with target.to_writer() as connection:
        request = pb.UnmergeAssetRequest(asset_id=asset, reason=how.reason, dry_run=True)
        method = connection.admin.UnmergeAsset
        response = _change(connection, method, request, how)
    report(how, response, f"unmerged, revision {response.revision}")


def _change(connection: Connection, method: Any, request: Any, how: ChangeOptions) -> Any:
    """Show what a request would change; make it, unless it is a plan or the user says no.

    Raises:
        CallFailed: The writer refused the request; the text says why.
    """

    def attempt(*, dry_run: bool) -> Any:
        request.dry_run = dry_run
        response = connection.call(method, request)
        if dry_run and (violations := response.preview.violations):
            lines = [f"{v.field or v.reason}: {v.message}" for v in violations]
            raise CallFailed("\n".join(lines), "INVALID_ARGUMENT", violations[0].reason)
        return response

    def show(response: Any) -> None:
        _show(response.preview)

    return show_ask_apply(how, attempt, show, "This will be changed. Continue?")


def _show(preview: pb.DecisionPreview) -> None:
    say(f"It changes {count_text(preview.counts)}.")
    if preview.verdicts:
        rows = [verdict_row(verdict) for verdict in preview.verdicts[:TURNED_SHOWN_MAX]]
        table("Opening turns for", ("listing", "before", "after"), rows)
