"""`cqar reconcile`: one round of some venues, by the code that `cqar-reconciler` runs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.exit_codes import REFUSED, WOULD_CHANGE, exit_code_of
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.import_plan import plan_document
from cqar.cli.import_venue import (
    base_url_option,
    counts_of,
    file_option,
    prices_option,
    round_with_hints,
    taking,
)
from cqar.cli.output import print_json, table, to_stderr
from cqar.cli.param_types import InstantParam
from cqar.cli.target import Target, with_target
from cqar.importer.answer_reader import Reading
from cqar.importer.missing import MassChange
from cqar.importer.plan import OutOfOrder
from cqar.importer.readers.registry import reader_of
from cqar.importer.registry_products import Products
from cqar.importer.saved_answers import SavedResponse, UnusableAnswer
from cqar.importer.venue_round import RoundOptions, VenueRound, from_answers, run_round
from cqar.reconciler.kept_rounds import KeptRounds
from cqar_shared.domain.kinds.venue import Venue


class VenueResult(NamedTuple):
    """What became of one venue; `why` is for people, and empty if it was reconciled."""

    venue_id: str
    done: VenueRound | None
    why: str
    code: int


@click.command("reconcile", cls=GroupedCommand)
@click.argument(
    "venues", nargs=-1, required=True, metavar="VENUE...", shell_complete=completion_names.venues
)
@click.option("--live", is_flag=True, help="Ask the venues for their listings.")
@base_url_option
@file_option
@prices_option
@click.option(
    "--from-answers",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Read what a reconciler kept: its state folder.",
)
@click.option("--round", "round_id", type=int, help="With --from-answers: not the newest round.")
@click.option("--at", type=InstantParam(), help="Time of the answers; default: now.")
@click.option("--plan", "is_plan", is_flag=True, help="Show what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print plans and results as JSON.")
@with_target
def reconcile(target: Target, **options: Any) -> None:
    """Compare what VENUEs say with the registry, open findings, apply what the policy applies.

    It ends with 0 when all are done, 1 when one was refused, 3 when one is not registered, 4 when
    the writer does not answer, 5 when it refuses the key, and with --plan 6 when something would
    change.

    \b
    Examples:
      cqar reconcile kraken okx binance --live
      cqar reconcile kraken --live --plan
      cqar reconcile kraken --file AssetPairs=AssetPairs.json --at 2025-06-11
      cqar reconcile kraken --from-answers /var/lib/cqar/reconciler --plan
    """
    _require_usable(options)
    with target.to_writer() as connection:
        results = [*_results(connection, options)]
    if options["as_json"]:
        print_json([_document(result) for result in results])
    else:
        _show(results, is_plan=options["is_plan"])
    if code := next((result.code for result in results if result.code), 0):
        raise click.exceptions.Exit(code)


def _require_usable(options: dict[str, Any]) -> None:
    venues, files = options["venues"], options["files"]
    sources = [options["live"], bool(files), options["from_answers"] is not None]
    if sum(sources) != 1:
        raise click.UsageError("give one of --live, --file NAME=PATH and --from-answers FOLDER")
    if files and len(venues) > 1:
        raise click.UsageError("--file is of one venue: reconcile the others by themselves")
    if options["prices"] and not files:
        raise click.UsageError("--prices goes with --file")
    if options["round_id"] is not None and (not sources[2] or len(venues) > 1):
        raise click.UsageError("--round is a round of one venue, with --from-answers")
    if options["at"] is not None and options["live"]:
        raise click.UsageError("--live is of now: leave out --at")
    if len(set(venues)) < len(venues):
        raise click.UsageError("a venue is named twice")
    for given in (files, options["prices"]):
        if len({file.name for file in given}) < len(given):
            raise click.UsageError("two files have the same name: each must answer another request")


def _results(connection: Connection, options: dict[str, Any]) -> Iterable[VenueResult]:
    """One venue after another; the registry's products are read once."""
    products = Products()
    for venue_id in options["venues"]:
        try:
            take, as_of = _source(venue_id, options)
            allowed = RoundOptions(as_of=as_of, is_plan=options["is_plan"], verb="reconciliation")
            run = partial(run_round, connection, venue_id, take, allowed, products)
            done = round_with_hints(venue_id, run)
        except CallFailed as error:
            yield VenueResult(venue_id, None, str(error), exit_code_of(error))
        except (UnusableAnswer, MassChange, OutOfOrder) as error:
            yield VenueResult(venue_id, None, str(error), REFUSED)
        else:
            yield VenueResult(venue_id, done, "", _code(done))


def _source(
    venue_id: str, options: dict[str, Any]
) -> tuple[Callable[[Venue], Reading], dt.datetime | None]:
    """What reads the venue's answers, and as of when they are; None: now."""
    files: tuple[SavedResponse, ...] = options["files"]
    as_of: dt.datetime | None = options["at"]
    if options["from_answers"] is None:
        take = taking(venue_id, files, options["prices"], as_of, options["base_url"])
        return take, as_of
    with KeptRounds.opened(options["from_answers"]) as kept:
        one = kept.round_of(venue_id, options["round_id"])

    def read(venue: Venue) -> Reading:
        line = reader_of(venue.venue_id, venue.metadata)
        if line is None:
            raise UnusableAnswer(f"{venue.venue_id} has no reader")
        with KeptRounds.opened(options["from_answers"]) as again:
            return from_answers(line, again.read_round(line, one))

    return read, as_of or dt.datetime.fromtimestamp(one.at_s, dt.UTC)


def _code(done: VenueRound) -> int:
    if done.applied is None:
        return WOULD_CHANGE if _would_change(done) else 0
    return REFUSED if done.applied.rejected else 0


def _would_change(done: VenueRound) -> bool:
    plan = done.plan
    is_changed = len(plan.changes) > plan.stated_again
    return bool(is_changed or plan.past or plan.findings or plan.superseded)


def _document(result: VenueResult) -> dict[str, Any]:
    if result.done is None:
        return {"venue": result.venue_id, "error": result.why}
    applied = result.done.applied
    return plan_document(result.done.plan, None if applied is None else counts_of(applied))


def _show(results: list[VenueResult], *, is_plan: bool) -> None:
    columns = ("venue", "market", "unsupported", "unreadable", "changes", "findings", "revision")
    title = "What would change" if is_plan else "Reconciled"
    table(title, columns, [_row(result) for result in results])
    for result in results:
        if result.why:
            to_stderr(f"{result.venue_id}: {result.why}")
        for note in result.done.plan.notes if result.done is not None else ():
            to_stderr(f"{result.venue_id}: {note}")
        applied = result.done.applied if result.done is not None else None
        for rejected in applied.rejected if applied is not None else ():
            to_stderr(
                f"{result.venue_id}: the writer rejected {rejected.spelling}: {rejected.reason}"
            )


def _row(result: VenueResult) -> tuple[Any, ...]:
    if result.done is None:
        return (result.venue_id, "-", "-", "-", "refused", "-", "-")
    plan, applied = result.done.plan, result.done.applied
    outcomes = plan.reading.outcomes
    changes = {
        "listed": len(plan.listed),
        "changed": len(plan.changed),
        "ended": len(plan.delisted),
        "doubted": len(plan.doubted),
        "rejected": len(plan.rejected),
        "of the past": len(plan.past),
    }
    found = Counter(finding.kind for finding in plan.findings)
    return (
        *(result.venue_id, outcomes["MARKET"], outcomes["UNSUPPORTED"], outcomes["UNREADABLE"]),
        *(_counts(changes), _counts(found)),
        applied.revision or result.done.revision if applied is not None else "-",
    )


def _counts(counts: dict[str, int] | Counter[str]) -> str:
    """`3 listed, 1 ended`; `none` where there is nothing."""
    told = [f"{count} {name}" for name, count in sorted(counts.items()) if count]
    return ", ".join(told) or "none"
