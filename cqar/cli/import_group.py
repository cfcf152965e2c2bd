"""`cqar import`: a venue's listing, or what else can be imported, plan before apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cqar.cli.exit_codes import REFUSED
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.import_list import (
    import_chains,
    import_codes,
    import_collections,
    import_cosmos,
    import_identifiers,
    import_tokenlist,
)
from cqar.cli.import_venue import import_venue, send_plan
from cqar.cli.list_output import ListOptions, ListView, rows_of, show_list
from cqar.cli.output import print_json, say, to_stderr
from cqar.cli.target import Target, with_target
from cqar.importer.readers.registry import product_lines
from cqar.importer.saved_plan import check_plan, load_plan


class ImportGroup(GroupedGroup):
    """A group of commands whose first word may also be a venue."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            return "venue", import_venue, args
        return super().resolve_command(ctx, args)

    def collect_usage_pieces(self, _ctx: click.Context) -> list[str]:
        lists = " | ".join(f"{name} FILE" for name in sorted(self.commands) if name != "apply")
        return [f"VENUE [OPTIONS] | {lists} | apply PLAN.json | --list-venues"]


def _list_venues(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    rows = []
    for line in product_lines().values():
        types = ", ".join(sorted(kind.name for kind in line.symbol_types))
        names = ", ".join(line.file_name(r) for r in line.requests if not r.is_former)
        rows.append((line.venue_id, line.name, types, line.environment.name, line.reader, names))
    columns = ("venue", "name", "types", "environment", "reader", "requests")
    view = ListView("Venues with a reader", columns, rows_of(columns, rows), ("venue",))
    show_list(view, ListOptions())
    to_stderr(
        "Other venues are read by ccxt, unreviewed: cqar venue add, with ccxt_id in its metadata."
    )
    ctx.exit()


@click.group("import", cls=ImportGroup)
@click.option(
    "--list-venues",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_venues,
    help="List the venues that CQAR reads: product lines, requests, names of files.",
)
def import_() -> None:
    """Import what a venue or a public list says: it is read, compared and applied.

    A venue's answers are saved files (--file) or asked for (--live). Importing them again changes
    nothing.

    \b
    Examples:
      cqar import --list-venues
      cqar import kraken --requests
      cqar import kraken --file AssetPairs=AssetPairs.json --plan
      cqar import okx --file 'instruments?instType=SPOT=spot.json' --at 2022-05-13
      cqar import binance --live --plan --out plan.json
      cqar import tokenlist uniswap_default.json --plan
      cqar import apply plan.json
    """


@import_.command("apply")
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_target
def apply_plan(target: Target, **options: Any) -> None:
    """Apply PLAN, which `cqar import VENUE --out PLAN` has made, and nothing else.

    If something that it changes has changed since, nothing is applied, and the command says what.
    What is as planned already is left as it is.

    \b
    Example:
      cqar import apply plan.json
    """
    saved = load_plan(options["plan"])
    with target.to_writer() as connection:
        check = check_plan(connection, saved)
        if check.moved:
            for record in check.moved:
                to_stderr(f"{record.spelling}: {record.reason}")
            to_stderr(
                f"{len(check.moved)} entities changed since the plan was made at revision"
                f" {saved.revision}: nothing was applied. Make the plan again"
            )
            raise click.exceptions.Exit(REFUSED)
        applied = send_plan(connection, saved, check.items)
    if options["as_json"]:
        print_json(applied)
    else:
        say(
            f"Applied: {applied['created']} created, {applied['updated']} updated, at revision"
            f" {applied['revision']}."
        )
    if applied["rejected"]:
        to_stderr("the registry changed meanwhile: make the plan again")
        raise click.exceptions.Exit(REFUSED)


for command in (
    import_tokenlist,
    import_chains,
    import_cosmos,
    import_collections,
    import_identifiers,
    import_codes,
):
    import_.add_command(command)
