"""`cqar import tokenlist|chains|…`: a reference list into the registry, plan before apply."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cqar.admin.connection import Connection
from cqar.cli.exit_codes import REFUSED
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.import_venue import counts_of, import_progress
from cqar.cli.list_report import list_plan_document, show_list_plan
from cqar.cli.output import confirm, print_json, say, to_stderr
from cqar.cli.param_types import InstantParam
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target
from cqar.importer.apply import apply_entities
from cqar.importer.plan import require_present
from cqar.importer.reference.list_file import ListFile, read_list
from cqar.importer.reference.list_kinds import LIST_KINDS, ListKind, plan_list
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.reference_state import load_reference_state
from cqar.importer.saved_plan import save_changes
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that the commands of all lists have."""
    for option in reversed(
        (
            click.argument("file", type=_FILE),
            click.option("--name", help="What the list is called in reasons and findings."),
            click.option("--at", type=InstantParam(), help="Time of the list; default: now."),
            click.option("--yes", is_flag=True, help="Apply without asking."),
            click.option(
                "--plan", "plan_only", is_flag=True, help="Show the plan; change nothing."
            ),
            click.option(
                "--out",
                type=click.Path(dir_okay=False, writable=True, path_type=Path),
                help="Write the plan to a file for `cqar import apply`; change nothing.",
            ),
            click.option("--all", "show_all", is_flag=True, help="Show every row of the plan."),
            click.option("--json", "as_json", is_flag=True, help="Print plan and result as JSON."),
        )
    ):
        command = option(command)
    return with_target(command)


@click.command("tokenlist", cls=GroupedCommand)
@_options
def import_tokenlist(target: Target, **options: Any) -> None:
    """Import a token list: contracts and their assets.

    FILE has the form of the Uniswap standard, or is a CSV: chain,address,symbol,name,decimals. An
    address that the registry knows is its asset. Another one is what the list links it with, or
    a new asset, unverified. A ticker decides nothing: finding SAME_TICKER. Other decimals than
    known ones put the deployment in quarantine: finding DECIMALS_DISAGREE.

    \b
    Example:
      cqar import tokenlist uniswap_default.json --plan
    """
    _run(target, "tokenlist", options)


@click.command("chains", cls=GroupedCommand)
@_options
def import_chains(target: Target, **options: Any) -> None:
    """Import a list of chains.

    FILE has the form of ethereum-lists/chains or of the Cosmos chain registry. What the registry
    says of a chain stays. A chain's own coin is its parent's, a new asset, or not known where a
    verified asset has its ticker.

    \b
    Example:
      cqar import chains evm_chains.json --plan
    """
    _run(target, "chains", options)


@click.command("cosmos", cls=GroupedCommand)
@_options
def import_cosmos(target: Target, **options: Any) -> None:
    """Import the Cosmos chain registry's assets and traces.

    A voucher is an asset that BRIDGES what it stands for, at the rate 1. What is issued on several
    chains is one asset. Import the chains first.

    \b
    Example:
      cqar import cosmos cosmos_assetlists.json --plan
    """
    _run(target, "cosmos", options)


@click.command("collections", cls=GroupedCommand)
@click.option("--assets", type=_FILE, help="List that describes assets: rotki_assets.csv.")
@_options
def import_collections(target: Target, **options: Any) -> None:
    """Import collections of tokens as groups.

    FILE is a CSV: collection_id,name,symbol,asset and, if wanted, main_asset. Members that are two
    assets here are proposed for a merge: finding DUPLICATE. Members that are not known are left
    out: import token lists first.

    \b
    Example:
      cqar import collections rotki_asset_collections.csv --plan
    """
    _run(target, "collections", options, described=_described(options))


@click.command("codes", cls=GroupedCommand)
@click.option("--assets", type=_FILE, help="List that describes assets: rotki_assets.csv.")
@_options
def import_codes(target: Target, **options: Any) -> None:
    """Import a map of venues' codes to assets.

    FILE is a CSV: operator,code,asset and, if wanted, since,until; or rotki's location asset
    mappings. Its word is REVIEWED evidence. An asset is an id, a slug of the catalogue, or
    chain:address. ccxt's common currencies are read and compared, but bind nothing: they state
    tickers. What is bound otherwise stays, with a finding REUSE or DUPLICATE.

    \b
    Examples:
      cqar import codes mine.csv --plan
      cqar import codes rotki_location_asset_mappings.csv --assets rotki_assets.csv
    """
    _run(target, "codes", options, described=_described(options))


@click.command("identifiers", cls=GroupedCommand)
@click.option(
    "--source",
    type=click.Choice([source.name for source in AssetDataSource], case_sensitive=False),
    help="Source of a plain list whose rows do not say it.",
)
@_options
def import_identifiers(target: Target, **options: Any) -> None:
    """Import other sources' names of assets.

    FILE is CoinGecko's list of coins with platforms, CoinMarketCap's map, rotki's assets, a table
    of Wormhole or Jupiter, the DTI registry, or a CSV: external_id,asset and, if wanted, source. A
    name is attached by contract, or by another name of its row that is known. A ticker attaches
    nothing.

    \b
    Examples:
      cqar import identifiers coingecko_coins.json --plan
      cqar import identifiers mine.csv --source MESSARI
    """
    source = options["source"]
    of = AssetDataSource[source.upper()] if source else None
    _run(target, "identifiers", options, data_source=of)


def _described(options: dict[str, Any]) -> ListFile | None:
    return read_list(options["assets"]) if options["assets"] else None


def _run(target: Target, kind_name: str, options: dict[str, Any], **more: Any) -> None:
    """Plan a list, and apply it where that is wanted."""
    kind = LIST_KINDS[kind_name]
    now = dt.datetime.now(dt.UTC)
    at: dt.datetime = options["at"] or now
    require_present(at, now)
    source = read_list(options["file"], options["name"])
    is_plan = options["plan_only"] or options["out"] is not None
    with target.to_writer() as connection:
        plan = _plan(connection, kind, source, at, more)
        if not options["as_json"]:
            show_list_plan(plan, show_all=options["show_all"])
        applied = None
        if plan.changes and not is_plan:
            _ask(options)
            applied = _apply(connection, plan)
    document = list_plan_document(plan, applied)
    if options["out"] is not None:
        times = (at, options["at"])
        save_changes(options["out"], plan.label, plan.changes, document, plan.revision, times)
        to_stderr(f"the plan is in {options['out']}: cqar import apply {options['out']}")
    if options["as_json"]:
        print_json(document)
    else:
        say(_conclusion(plan, applied))
    if applied and applied["rejected"]:
        to_stderr("the registry changed meanwhile: run the import again")
        raise click.exceptions.Exit(REFUSED)


def _plan(
    connection: Connection, kind: ListKind, source: ListFile, at: dt.datetime, more: dict[str, Any]
) -> ListPlan:
    with progress_bar("read the registry") as progress:
        needs = kind.needs, kind.finding_kinds
        state = load_reference_state(connection, at, *needs, progress)
    return plan_list(kind, state, source, at, **more)


def _ask(options: dict[str, Any]) -> None:
    """Ask before a plan is applied, where somebody can answer."""
    if not options["yes"] and not options["as_json"] and sys.stdin.isatty():
        confirm("Apply this plan?")


def _apply(connection: Connection, plan: ListPlan) -> dict[str, Any]:
    entities = [(o.kind, o.after) for o in plan.changes if o.after is not None]
    reason = f"import of {plan.label}"
    with import_progress(plan.list_kind, len(entities)) as advance:
        result = apply_entities(connection, entities, reason, advance, plan.revision)
    for rejected in result.rejected:
        to_stderr(f"the writer rejected {rejected.spelling}: {rejected.reason}")
    return counts_of(result)


def _conclusion(plan: ListPlan, applied: dict[str, Any] | None) -> str:
    if not plan.changes:
        return "Nothing to change."
    if applied is None:
        return "Nothing was changed: this is a plan."
    return (
        f"Applied: {applied['created']} created, {applied['updated']} updated,"
        f" {len(applied['rejected'])} rejected, at revision {applied['revision']}."
    )
