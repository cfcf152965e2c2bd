"""`cqar export`, `cqar diff` and `cqar apply`: the registry, or a part of it, as reviewed files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from cqar.admin.connection import Connection
from cqar.cli.exit_codes import REFUSED, WOULD_CHANGE
from cqar.cli.file_report import changes_document, show_changes, unused_label
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.output import confirm, out, print_json, require_terminal, say, to_stderr
from cqar.cli.param_types import InstantParam, LengthParam
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target
from cqar.files import file_requests
from cqar.files.canary_changes import CanaryPlan, as_canaries
from cqar.files.comparison import PROBLEMS_MAX, FileChange, FileComparison, compare, left_out
from cqar.files.json_schema import registry_schema
from cqar.files.placed_record import UnusableFile
from cqar.files.record_files import (
    FORMATS,
    found_files,
    read_records,
    text_of,
    write_folder,
)
from cqar.files.record_form import FILE_KINDS
from cqar.files.registry_records import (
    RegistryRecords,
    in_scope,
    load_records,
    revision_at,
)

_KINDS: Final = {kind.name: kind for kind in FILE_KINDS}
_KIND: Final = click.Choice([*_KINDS])


class ScopeParam(click.ParamType[Any]):
    """A kind, and a venue if the kind belongs to venues: `venue_symbol@binance`."""

    name = "KIND[@VENUE]"

    def convert(self, value: Any, _: Any, __: Any) -> tuple[str, str]:
        kind, at, venue = str(value).partition("@")
        if kind not in _KINDS:
            self.fail(f"{kind!r} is none of {', '.join(_KINDS)}")
        has_venue = "venue_id" in _KINDS[kind].entity.__struct_fields__
        if at and not (venue and has_venue):
            self.fail(f"{value!r}: {kind} belongs to no venue, or the venue is missing")
        return kind, venue


@click.command("export", cls=GroupedCommand)
@click.option("--kind", "kinds", multiple=True, type=_KIND, help="Only this kind; repeatable.")
@click.option("--venue", "venues", multiple=True, help="Only what is this venue's; repeatable.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMATS),
    default="yaml",
    show_default=True,
    help="Form of the records; csv and parquet hold one kind a file.",
)
@click.option("--out", "folder", type=click.Path(path_type=Path), help="Folder to write files to.")
@click.option("--as-of", type=InstantParam(), help="As the registry was then.")
@click.option("--revision", type=click.IntRange(min=1), help="As of this revision.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of records, and stop.")
@with_target
def export(target: Target, **options: Any) -> None:
    """Write the registry, or a part of it, as files that people review.

    A record holds what an entity is, not how it came to be so: `cqar history` has that. Records
    are in a stable order. Written to a folder again, files change only where the registry did;
    comments that people wrote above a record stay.

    \b
    Examples:
      cqar export --kind venue_symbol --venue binance
      cqar export --out registry
      cqar export -o jsonl --as-of 2026-01-31T00:00Z > registry.jsonl
    """
    if options["schema"]:
        print_json(registry_schema())
        return
    folder: Path | None = options["folder"]
    form: str = options["form"]
    if form == "parquet" and folder is None:
        raise click.UsageError("-o parquet writes files: give --out FOLDER")
    kinds: tuple[str, ...] = options["kinds"]
    with target.to_writer() as connection:
        revision = _revision(connection, options)
        chosen = [_KINDS[name] for name in kinds] or FILE_KINDS
        # What ids stand for is told beside them.
        needed = {kind.name: kind for kind in (*chosen, _KINDS["asset"], _KINDS["symbol"])}
        with progress_bar("export") as progress:
            loaded = load_records(
                connection,
                chosen if form != "yaml" else list(needed.values()),
                revision,
                lambda done: progress(done, 0),
            )
    names = {kind.name for kind in chosen}
    _require_venues(loaded, options["venues"], names)
    records = loaded.records(in_scope(names, options["venues"]))
    if folder is None:
        for part in text_of(records, form, loaded.labels()):
            out.file.write(part)
        out.file.flush()
    else:
        files, changed = write_folder(folder, records, form, loaded.labels())
        to_stderr(
            f"{len(records)} records of revision {loaded.revision} are in {files} files of"
            f" {folder}; {changed} files changed"
        )


def _revision(connection: Connection, options: dict[str, Any]) -> int:
    if options["as_of"] is not None and options["revision"] is not None:
        raise click.UsageError("give --as-of or --revision, not both")
    if options["as_of"] is not None:
        return revision_at(connection, options["as_of"])
    return options["revision"] or 0


def _require_venues(loaded: RegistryRecords, venues: Sequence[str], kinds: set[str]) -> None:
    if not venues:
        return
    held = {getattr(m, "venue_id", "") for (kind, _), m in loaded.messages.items() if kind in kinds}
    for venue in venues:
        if venue not in held:
            raise UnusableFile(
                f"the registry has nothing of venue {venue!r} here{unused_label(venue, held)}"
            )


class FilePlan(NamedTuple):
    """What files would change, as the writer judges it.

    Attributes:
        judged: The writer's word on each change; None: they are too many for one request.
    """

    comparison: FileComparison
    changes: list[FileChange]
    judged: file_requests.JudgedChanges | None
    revision: int
    labels: dict[str, str]

    @property
    def problems(self) -> list[str]:
        return [*self.comparison.problems, *(self.judged.rejected if self.judged else ())]

    @property
    def rows(self) -> list[tuple[FileChange, str]]:
        if self.judged is not None:
            return self.judged.changed
        return [(change, _status(change)) for change in self.changes]


def _status(change: FileChange) -> str:
    if change.after is None:
        return "DELETED"
    return "CREATED" if change.before is None else "UPDATED"


def _plan(connection: Connection, options: dict[str, Any]) -> FilePlan:
    files = found_files(options["files"])
    with progress_bar("read the registry") as progress:
        loaded = load_records(connection, progress=lambda done: progress(done, 0))
    comparison = compare(read_records(files), loaded.messages)
    now = dt.datetime.now(dt.UTC)
    if canary := options.get("canary"):
        plan = CanaryPlan(canary, now, now + options["length"])
        changes, problems = as_canaries(comparison.changes, loaded.messages, plan)
        comparison = comparison._replace(
            changes=changes, problems=[*comparison.problems, *problems]
        )
    pruned = left_out(loaded.messages, comparison.stated, options.get("prune") or ())
    removals = [file_requests.ended(change, loaded.messages, now) for change in pruned]
    changes = [*comparison.changes, *(change for change in removals if change.before is not None)]
    judged = None
    if not comparison.problems:
        judged = file_requests.judge(connection, changes, loaded.revision)
    return FilePlan(comparison, changes, judged, loaded.revision, loaded.labels())


def _file_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.option(
                "-f",
                "--file",
                "files",
                multiple=True,
                required=True,
                type=click.Path(path_type=Path),
                help="A file or a folder of records; repeatable.  [required]",
            ),
            click.option(
                "--prune",
                multiple=True,
                type=ScopeParam(),
                help="Remove what no file states of a kind, or of a kind at a venue; a listing"
                " ends now. Repeatable.",
            ),
            click.option("--all", "show_all", is_flag=True, help="Show every change."),
            click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON."),
        )
    ):
        command = option(command)
    return with_target(command)


def _show(plan: FilePlan, options: dict[str, Any]) -> None:
    if options["as_json"]:
        print_json(changes_document(plan.rows, plan.problems, plan.revision))
    else:
        show_changes(plan.rows, plan.labels, show_all=options["show_all"])
        say(f"{plan.comparison.unchanged} records are as the registry has them.")
    _tell(plan.problems)
    if plan.judged is None and not plan.problems:
        to_stderr(
            "the writer judges these changes when they are applied: they are too many for one"
            " dry run"
        )


@click.command("diff", cls=GroupedCommand)
@_file_options
def diff(target: Target, **options: Any) -> None:
    """Show what files would change in the registry; change nothing.

    Exit code 0: nothing; 6: something; 1: a record is wrong or would be refused.

    \b
    Example:
      cqar diff -f registry
    """
    with target.to_writer() as connection:
        plan = _plan(connection, options)
    _show(plan, options)
    _leave(plan)


def _tell(problems: list[str]) -> None:
    for problem in problems[:PROBLEMS_MAX]:
        to_stderr(problem)
    if len(problems) > PROBLEMS_MAX:
        to_stderr(f"… and {len(problems) - PROBLEMS_MAX} more")


def _leave(plan: FilePlan) -> None:
    if plan.problems:
        raise click.exceptions.Exit(REFUSED)
    if plan.rows:
        raise click.exceptions.Exit(WOULD_CHANGE)


@click.command("apply", cls=GroupedCommand)
@_file_options
@click.option(
    "--canary", help="Let this group of resolvers have the terms first: `canary_group` there."
)
@click.option("--for", "length", type=LengthParam(), help="Until a canary lapses, such as 10m.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change; change nothing.")
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option("--reason", default="", help="Why, for the audit log; default: the files' names.")
def apply(target: Target, **options: Any) -> None:
    """Change the registry to what files state.

    A record is a whole entity: a field that it leaves out becomes unset. A record without an id is
    found by what it is, or made. What is in no file stays, but for what --prune names. Up to 5,000
    changes are one revision; what somebody else changed meanwhile is refused.

    \b
    Examples:
      cqar apply -f registry --plan
      cqar apply -f registry/binance/listings.yaml --prune venue_symbol@binance
      cqar apply -f registry/binance/listings.yaml --canary desk --for 10m
    """
    if bool(options["canary"]) != bool(options["length"]):
        raise click.UsageError("--canary and --for go together")
    if options["canary"] and options["prune"]:
        raise click.UsageError("--prune removes for all: give it without --canary")
    with target.to_writer() as connection:
        plan = _plan(connection, options)
        _show(plan, options)
        if plan.problems or options["plan_only"]:
            _leave(plan)
            return
        if not plan.rows:
            return
        if not options["yes"]:
            require_terminal("--yes or --plan")
            confirm(f"Apply {len(plan.rows)} changes?", err=True)
        changes = [change for change, _ in plan.rows]
        reason = options["reason"] or f"files {', '.join(map(str, options['files']))}"[:200]
        applied = _apply(connection, changes, plan.revision, reason)
    _tell(applied.rejected)
    text = f"applied {len(applied.changed)} of {len(changes)} changes, at revision"
    to_stderr(f"{text} {applied.revision}" if applied.revision else "nothing was changed")
    if applied.rejected:
        raise click.exceptions.Exit(REFUSED)


def _apply(
    connection: Connection, changes: list[FileChange], revision: int, reason: str
) -> file_requests.JudgedChanges:
    done = 0
    with progress_bar("apply") as progress:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(done, len(changes))

        return file_requests.apply(connection, changes, revision, reason, advance)
