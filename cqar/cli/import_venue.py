"""`cqar import`: imports a venue's listing into the registry, plan before apply."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli.import_plan import plan_document, print_rows, show_plan
from cqar.cli.import_requests import show_requests
from cqar.cli.output import print_json, to_stderr
from cqar.cli.param_types import InstantParam
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target
from cqar.cli.venue_reader import how_to_register
from cqar.importer.answer_dates import LISTINGS_SINCE
from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.apply import (
    ApplyResult,
    apply_plan,
    apply_requests,
    entities_of,
    send_finding,
)
from cqar.importer.ccxt_reading import read_with_ccxt
from cqar.importer.live_answers import fetch_all
from cqar.importer.missing import MassChange
from cqar.importer.multipliers import Multiplier
from cqar.importer.plan import Plan, make_plan, require_present
from cqar.importer.readers.registry import reader_of
from cqar.importer.recorded_sources import with_records_before
from cqar.importer.registry_state import load_state
from cqar.importer.saved_answers import SavedResponse, UnusableAnswer, decode_file
from cqar.importer.saved_plan import SavedPlan, requests_of, save_plan
from cqar.importer.stable_ids import CCXT_ID, CONTRACTS, MARKET_TYPES
from cqar_shared.codec import entity_codec
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.venue import VENUE, Venue

#: A file that states an older time needs --at.
FRESH_FOR: Final = dt.timedelta(hours=1)
#: A greater difference between --at and the file's own time is noted.
SAME_DAY: Final = dt.timedelta(days=1)


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


@click.command("venue")
@click.argument("venue")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=SavedFileParam(),
    help="A saved answer of the venue, by the request that it answers; repeatable.",
)
@click.option(
    "--prices",
    multiple=True,
    type=SavedFileParam(),
    help="A saved answer of tickers that was taken with the listing, as evidence; repeatable.",
)
@click.option("--live", is_flag=True, help="Ask the venue for its listing, and what helps.")
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
    at: dt.datetime = options["at"] or dt.datetime.now(dt.UTC)
    is_plan = options["plan_only"] or options["out"] is not None
    with target.to_writer() as connection:
        require_present(at, dt.datetime.now(dt.UTC))
        with _mass_change_stated(connection, options["venue"], is_plan=is_plan):
            plan, revision = _plan(connection, options["venue"], at, options)
        applied = None if is_plan else _apply(connection, plan, revision, options["at"])
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
        raise click.exceptions.Exit(1)


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


def _plan(
    connection: Connection,
    venue_id: str,
    at: dt.datetime,
    options: dict[str, Any],
) -> tuple[Plan, int]:
    """The plan, and the registry's revision for which it was made."""
    venue = _venue(connection, venue_id)
    reading = _read(venue, options)
    taken_at = reading.taken_at
    if options["at"] is None and taken_at is not None:
        _require_fresh(taken_at, at)
    names = [
        spelling
        for market in reading.markets
        for spelling in (market.spelling, *(alias.spelling for alias in market.aliases))
    ]
    # A venue that was never imported has no archived listings.
    archivable = names if LISTINGS_SINCE in (venue.metadata or {}) else []
    state = load_state(connection, venue, at, options["at"], archivable, reading.priced_at(at))
    allowed = options["allow_mass_change"]
    plan = make_plan(
        state, venue, reading, at, dict(options["multipliers"]), allow_mass_change=allowed
    )
    plan.findings = with_records_before(connection, plan.findings)
    if taken_at is not None and abs(at - taken_at) > SAME_DAY:
        plan.notes.append(f"the file states that it was taken at {taken_at:%Y-%m-%d %H:%M} UTC")
    plan.notes += [f"{name}: no request reads this file" for name in reading.unused]
    plan.notes += reading.refused
    plan.notes += [
        f"{count} {kind} markets: not of {venue_id}" for kind, count in reading.other_types.items()
    ]
    return plan, state.revision


def _read(venue: Venue, options: dict[str, Any]) -> Reading:
    """What the venue's answers say: by our reader, or else by ccxt.

    Raises:
        UnusableAnswer: They are not this venue's listing, or nothing can read it.
    """
    files: tuple[SavedResponse, ...] = options["files"]
    line = reader_of(venue.venue_id, venue.metadata)
    if line is not None and not files:
        live = fetch_all(line)
        reading = read_answers(line, live.answers, live.tickers, dt.datetime.now(dt.UTC))
        reading.refused += live.failed
        return reading
    if line is not None:
        answers, tickers = map(decode_file, files), map(decode_file, options["prices"])
        return read_answers(line, answers, tickers, options["at"])
    metadata = venue.metadata or {}
    if CCXT_ID not in metadata:
        raise UnusableAnswer(
            f"{venue.venue_id} has no reader and no {CCXT_ID} in its metadata. If ccxt reads the"
            f" venue, set it: cqar venue set {venue.venue_id} --metadata"
            """ '{"ccxt_id": "…", "market_types": ["spot"]}'"""
        )
    if options["prices"]:
        raise UnusableAnswer(f"{venue.venue_id} has no reader: nothing reads its prices")
    types = metadata.get(MARKET_TYPES) or ["spot", "swap", "future", "option"]
    ccxt_id, contracts = str(metadata[CCXT_ID]), metadata.get(CONTRACTS)
    return read_with_ccxt(venue.venue_id, ccxt_id, types, list(files) or None, contracts)


def _require_fresh(taken_at: dt.datetime, now: dt.datetime) -> None:
    """Refuse to import an old file as the present.

    Raises:
        UnusableAnswer: the file itself states that it is old.
    """
    if now - taken_at > FRESH_FOR:
        taken = f"{taken_at:%Y-%m-%dT%H:%M:%SZ}"
        raise UnusableAnswer(f"the file was taken at {taken}: give --at {taken}")


def _venue(connection: Connection, venue_id: str) -> Venue:
    try:
        request = pb.GetVenueRequest(venue_id=venue_id)
        answer = connection.call(connection.registry.GetVenue, request)
    except CallFailed as error:
        if error.code == "NOT_FOUND":
            text = f"{error}: {how_to_register(venue_id)}"
            raise CallFailed(text, error.code, error.reason) from error
        raise
    return entity_codec.from_message(VENUE, answer.venue)


def _apply(
    connection: Connection, plan: Plan, revision: int, at: dt.datetime | None
) -> dict[str, Any]:
    reason = f"import of {plan.venue_id} as of {plan.at.isoformat()}"
    with import_progress(plan.venue_id, len(entities_of(plan)) + len(plan.past)) as advance:
        result = apply_plan(connection, plan, reason, revision, at, advance)
    for rejected in result.rejected:
        to_stderr(f"the writer rejected {rejected.spelling}: {rejected.reason}")
    return counts_of(result)


def send_plan(
    connection: Connection, saved: SavedPlan, items: list[apb.ApplyItem]
) -> dict[str, Any]:
    """Apply items of a saved plan: counts by outcome, and what the writer rejected."""
    reason = f"import of {saved.venue} as of {saved.at.isoformat()}, as planned"
    with import_progress(saved.venue, len(items)) as advance:
        result = apply_requests(connection, requests_of(saved, items), reason, advance)
    return counts_of(result)


@contextmanager
def _mass_change_stated(connection: Connection, venue_id: str, *, is_plan: bool) -> Iterator[None]:
    """State what a refused import lacks, so that a person can decide it."""
    try:
        yield
    except MassChange as error:
        if is_plan:
            raise
        finding = error.finding
        send_finding(connection, finding, f"import of {venue_id}, refused")
        text = f"{error}, or: cqar findings approve {finding.finding_id}, and import it again"
        raise MassChange(text, finding) from error


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
