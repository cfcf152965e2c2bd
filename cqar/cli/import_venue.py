"""`cqar import`: imports a venue's listing into the registry, plan before apply."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli.import_plan import BINDINGS_PART, plan_document, show_plan
from cqar.cli.output import print_json, to_stderr
from cqar.cli.param_types import InstantParam
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target
from cqar.importer.apply import apply_entities
from cqar.importer.ccxt_reading import read_with_ccxt
from cqar.importer.live_answers import fetch_answers
from cqar.importer.multipliers import Multiplier
from cqar.importer.plan import LISTINGS_SINCE, Plan, make_plan, require_present
from cqar.importer.readers.registry import product_line_of
from cqar.importer.reading import Reading, read_answers
from cqar.importer.registry_state import load_state
from cqar.importer.saved_answers import SavedResponse, UnusableAnswer, decode_file
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


@click.command("import")
@click.argument("venue")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=SavedFileParam(),
    help="A saved response of the venue; repeatable.",
)
@click.option("--live", is_flag=True, help="Request the listing from the venue.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan and its result as JSON.")
@click.option("--at", type=InstantParam(), help="Time of the listing; default: now.")
@click.option(
    "--multiplier",
    "multipliers",
    multiple=True,
    type=MultiplierParam(),
    help="Meaning of a multiplied code, such as 1000SHIB=SHIB:1000; repeatable.",
)
@click.option(
    "--show",
    "full_parts",
    multiple=True,
    type=click.Choice([BINDINGS_PART]),
    help="Print this part of the plan in full.",
)
@click.option(
    "--allow-mass-change",
    "--allow-mass-delisting",
    "allow_mass_change",
    is_flag=True,
    help="Go on even if more than a fifth of the listings is missing.",
)
@with_target
def import_(target: Target, **options: Any) -> None:
    """Import VENUE's listing into the registry: new, changed and delisted spellings.

    A file is named by the request that it answers. Importing it again changes nothing.

    \b
    Examples:
      cqar import kraken --file AssetPairs=AssetPairs.json --plan
      cqar import okx --file 'instruments?instType=SPOT=spot.json' --at 2022-05-13
      cqar import binance --live
    """
    files: tuple[SavedResponse, ...] = options["files"]
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise click.UsageError("two files have the same name: each must answer another request")
    if bool(files) == options["live"]:
        raise click.UsageError("give the venue's saved responses (--file NAME=PATH) or --live")
    at: dt.datetime = options["at"] or dt.datetime.now(dt.UTC)
    with target.to_writer() as connection:
        require_present(at, dt.datetime.now(dt.UTC))
        plan, revision = _plan(connection, options["venue"], list(files) or None, at, options)
        applied = (
            None if options["plan_only"] else _apply(connection, plan, revision, options["at"])
        )
    document = plan_document(plan, applied)
    if options["as_json"]:
        print_json(document)
    else:
        show_plan(plan, applied, options["full_parts"])
    if plan.rejected:
        to_stderr(f"{len(plan.rejected)} rows of the listing are not imported; --json lists them")
    if applied and applied["rejected"]:
        to_stderr("the registry changed meanwhile: run the import again")
        raise click.exceptions.Exit(1)


def _plan(
    connection: Connection,
    venue_id: str,
    files: list[SavedResponse] | None,
    at: dt.datetime,
    options: dict[str, Any],
) -> tuple[Plan, int]:
    """The plan, and the registry's revision for which it was made."""
    venue = _venue(connection, venue_id)
    reading = _read(venue, files)
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
    state = load_state(connection, venue, at, options["at"], archivable)
    allowed = options["allow_mass_change"]
    plan = make_plan(
        state, venue, reading, at, dict(options["multipliers"]), allow_mass_change=allowed
    )
    if taken_at is not None and abs(at - taken_at) > SAME_DAY:
        plan.notes.append(f"the file states that it was taken at {taken_at:%Y-%m-%d %H:%M} UTC")
    plan.notes += [f"{name}: no request reads this file" for name in reading.unused]
    plan.notes += [
        f"{count} {kind} markets: not of {venue_id}" for kind, count in reading.other_types.items()
    ]
    return plan, state.revision


def _read(venue: Venue, files: list[SavedResponse] | None) -> Reading:
    """What the venue's answers say: by our reader, or else by ccxt.

    Raises:
        UnusableAnswer: They are not this venue's listing, or nothing can read it.
    """
    line = product_line_of(venue.venue_id)
    if line is not None:
        answers = fetch_answers(line) if files is None else [decode_file(f) for f in files]
        return read_answers(line, answers)
    metadata = venue.metadata or {}
    if CCXT_ID not in metadata:
        raise UnusableAnswer(
            f"{venue.venue_id} has no reader and no {CCXT_ID} in its metadata. If ccxt reads the"
            f" venue, set it: cqar venue set {venue.venue_id} --metadata"
            """ '{"ccxt_id": "…", "market_types": ["spot"]}'"""
        )
    types = metadata.get(MARKET_TYPES) or ["spot", "swap", "future", "option"]
    ccxt_id, contracts = str(metadata[CCXT_ID]), metadata.get(CONTRACTS)
    return read_with_ccxt(venue.venue_id, ccxt_id, types, files, contracts)


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
            text = f"{error}: register the venue, or load the bundled ones: cqar catalogue load"
            raise CallFailed(text, error.code, error.reason) from error
        raise
    return entity_codec.from_message(VENUE, answer.venue)


def _apply(
    connection: Connection, plan: Plan, revision: int, at: dt.datetime | None
) -> dict[str, Any]:
    total = len(plan.changes)
    done = 0
    with progress_bar(f"import {plan.venue_id}") as progress:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        changes = [(o.kind, o.after) for o in plan.changes if o.after is not None]
        reason = f"import of {plan.venue_id} as of {plan.at.isoformat()}"
        try:
            result = apply_entities(connection, changes, reason, advance, revision, at)
        except KeyboardInterrupt:
            to_stderr(
                f"stopped: {done} of {total} changes are applied; run the import again to continue"
            )
            raise
    for rejected in result.rejected:
        to_stderr(f"the writer rejected {rejected.spelling}: {rejected.reason}")
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "rejected": [msgspec.to_builtins(rejected) for rejected in result.rejected],
        "revision": result.revision,
    }
