"""`cqar import`: imports a venue's listing into the registry, plan before apply."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.exit_codes import REFUSED
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.import_plan import plan_document, print_rows, show_plan
from cqar.cli.import_requests import show_requests
from cqar.cli.output import print_json, to_stderr
from cqar.cli.param_types import InstantParam
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target
from cqar.cli.venue_reader import how_to_register
from cqar.importer.answer_reader import Reading
from cqar.importer.apply import ApplyResult, apply_requests
from cqar.importer.fetching import Asking, BaseUrls, VenueHttp
from cqar.importer.multipliers import Multiplier
from cqar.importer.readers.registry import reader_of
from cqar.importer.saved_answers import SavedResponse
from cqar.importer.saved_plan import SavedPlan, requests_of, save_plan
from cqar.importer.venue_round import (
    RoundOptions,
    VenueRound,
    ccxt_reading,
    live_reading,
    run_round,
    saved_reading,
)
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.venue import Venue


class SavedFileParam(click.ParamType[Any]):
    name = "NAME=PATH"

    def convert(self, value: Any, _: Any, __: Any) -> SavedResponse:
        name, equals, path = str(value).partition("=")
        while equals and "?" in name and not Path(path).exists() and "=" in path:
            # A request's name may hold a query: instruments?instType=SPOT=spot.json
            more, equals, path = path.partition("=")
            name = f"{name}={more}"
        if not name or not path:
            self.fail(f"{value!r}: give NAME=PATH; NAME is the request that the file answers")
        return SavedResponse(name, Path(path))


class MultiplierParam(click.ParamType[Any]):
    name = "CODE=COIN:UNITS"

    def convert(self, value: Any, _: Any, __: Any) -> tuple[str, Multiplier]:
        code, _equals, meaning = str(value).partition("=")
        coin, _colon, units = meaning.rpartition(":")
        try:
            number = decimals.parse(units)
        except ValueError:
            number = decimals.parse("0")
        if not code or not coin or number <= 0:
            self.fail(f"{value!r}: write it as 1000SHIB=SHIB:1000")
        return code, Multiplier(coin, number)


file_option = click.option(
    "--file",
    "files",
    multiple=True,
    type=SavedFileParam(),
    help="A saved answer of the venue, by the request that it answers; repeatable.",
)
prices_option = click.option(
    "--prices",
    multiple=True,
    type=SavedFileParam(),
    help="A saved answer of tickers that was taken with the listing, as evidence; repeatable.",
)
base_url_option = click.option(
    "--base-url",
    default="",
    metavar="URL",
    help="With --live: what to ask in the place of the venue's hosts; {host} in it is the host.",
)


@click.command("venue", cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@file_option
@prices_option
@click.option("--live", is_flag=True, help="Ask the venue for its listing, and what helps.")
@base_url_option
@click.option("--requests", "show_requests", is_flag=True, help="Show what to save, and stop.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change; change nothing.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the plan to a file for `cqar import apply`; change nothing.",
)
@click.option("--all", "show_all", is_flag=True, help="Show every row of the plan.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan and its result as JSON.")
@click.option("--tsv", "as_tsv", is_flag=True, help="Print every row, separated by tabs.")
@click.option("--at", type=InstantParam(), help="Time of the answers; default: now.")
@click.option(
    "--multiplier",
    "multipliers",
    multiple=True,
    type=MultiplierParam(),
    help="Meaning of a multiplied code, such as 1000SHIB=SHIB:1000; repeatable.",
)
@click.option(
    "--allow-mass-change",
    "--allow-mass-delisting",
    "allow_mass_change",
    is_flag=True,
    help="Go on even if more than a fifth of the listings is missing.",
)
@with_target
def import_venue(target: Target, **options: Any) -> None:
    """Import VENUE's listing into the registry: new, changed and ended spellings.

    A file is named by the request that it answers. Importing it again changes nothing.

    \b
    Examples:
      cqar import kraken --file AssetPairs=AssetPairs.json --plan
      cqar import okx --file 'instruments?instType=SPOT=spot.json' --at 2022-05-13
      cqar import binance --file exchangeInfo=e.json --prices ticker/24hr=t.json
      cqar import binance --live
    """
    if options["show_requests"]:
        show_requests(options["venue"], as_json=options["as_json"])
        return
    files: tuple[SavedResponse, ...] = options["files"]
    _require_usable(files, options["prices"], is_live=options["live"])
    is_plan = options["plan_only"] or options["out"] is not None
    done = _run(target, files, options, is_plan=is_plan)
    plan, revision = done.plan, done.revision
    applied = None if done.applied is None else counts_of(done.applied)
    document = plan_document(plan, applied)
    if options["out"] is not None:
        save_plan(options["out"], plan, document, revision, options["at"])
    if options["as_json"]:
        print_json(document)
    elif options["as_tsv"]:
        print_rows(plan)
    else:
        show_plan(plan, applied, show_all=options["show_all"])
    if unread := len(plan.rejected) + len(plan.reading.unreadable):
        to_stderr(f"{unread} records are not imported; --json lists them")
    if options["out"] is not None:
        to_stderr(f"the plan is in {options['out']}: cqar import apply {options['out']}")
    if applied and applied["rejected"]:
        to_stderr("the registry changed meanwhile: run the import again")
        raise click.exceptions.Exit(REFUSED)


def _run(
    target: Target, files: tuple[SavedResponse, ...], options: dict[str, Any], *, is_plan: bool
) -> VenueRound:
    venue_id, as_of = options["venue"], options["at"]
    allowed = RoundOptions(
        as_of=as_of,
        multipliers=dict(options["multipliers"]),
        allow_mass_change=options["allow_mass_change"],
        is_plan=is_plan,
    )
    take = taking(venue_id, files, options["prices"], as_of, options["base_url"])
    shows = partial(import_progress, venue_id)
    with target.to_writer() as connection:
        run = partial(run_round, connection, venue_id, take, allowed, progress=shows)
        done = round_with_hints(venue_id, run)
    for rejected in done.applied.rejected if done.applied else ():
        to_stderr(f"the writer rejected {rejected.spelling}: {rejected.reason}")
    return done


def _require_usable(
    files: tuple[SavedResponse, ...], prices: tuple[SavedResponse, ...], *, is_live: bool
) -> None:
    for given in (files, prices):
        if len({file.name for file in given}) < len(given):
            raise click.UsageError("two files have the same name: each must answer another request")
    if bool(files) == is_live:
        raise click.UsageError("give the venue's saved answers (--file NAME=PATH) or --live")
    if prices and is_live:
        raise click.UsageError("--live asks for prices itself: leave out --prices")


def round_with_hints(venue_id: str, run: Callable[[], VenueRound]) -> VenueRound:
    """Run a round; of a venue that is not registered the error says how to register it.

    Raises:
        CallFailed: As `run_round`.
    """
    try:
        return run()
    except CallFailed as error:
        if error.reason == "VENUE_NOT_FOUND":
            raise error.reworded(f"{error}: {how_to_register(venue_id)}") from error
        raise


def taking(
    venue_id: str,
    files: tuple[SavedResponse, ...],
    prices: tuple[SavedResponse, ...],
    as_of: dt.datetime | None,
    base_url: str = "",
) -> Callable[[Venue], Reading]:
    """What reads the venue's saved answers, or asks the venue where there are none.

    Raises:
        UsageError: The base URL is not one.
    """
    try:
        base_urls = BaseUrls({"*": base_url} if base_url else {})
    except ValueError as error:
        raise click.UsageError(f"--base-url {error}") from None

    def take(venue: Venue) -> Reading:
        if files:
            return saved_reading(venue, files, prices, as_of)
        line = reader_of(venue.venue_id, venue.metadata)
        if line is None:
            return ccxt_reading(venue, None)
        http = VenueHttp()
        try:
            return live_reading(line, Asking(http, base_urls, venue_id))
        finally:
            http.close()

    return take


def send_plan(
    connection: Connection, saved: SavedPlan, items: list[apb.ApplyItem]
) -> dict[str, Any]:
    """Apply items of a saved plan: counts by outcome, and what the writer rejected."""
    reason = f"import of {saved.venue} as of {saved.at.isoformat()}, as planned"
    with import_progress(saved.venue, len(items)) as advance:
        result = apply_requests(connection, requests_of(saved, items), reason, advance)
    return counts_of(result)


@contextmanager
def import_progress(venue_id: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar; an interrupted import says how far it came."""
    done = 0
    with progress_bar(f"import {venue_id}") as progress:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        try:
            yield advance
        except KeyboardInterrupt:
            to_stderr(
                f"stopped: {done} of {total} changes are applied; run the import again to continue"
            )
            raise


def counts_of(result: ApplyResult) -> dict[str, Any]:
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "rejected": [rejected._asdict() for rejected in result.rejected],
        "revision": result.revision,
    }
