"""What a list prints, in every form that people and programs want: one piece of code for all lists.

A list has columns and rows; each row has its cells, and the document that it is to programs. On a
terminal a list is a table, in a pipe it is lines of values between tabs, always with the same
columns. Documents have values as they are: exact numbers as text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, Final, NamedTuple

import click
import yaml
from google.protobuf.message import Message

from cqar.cli import output
from cqar.cli.json_entities import plain_fields
from cqar.cli.output import (
    out,
    print_json,
    print_json_line,
    print_tsv_line,
    printable,
    say,
    table,
    to_stderr,
)
from cqar.cli.table_layout import NEVER_HIDDEN

FORMS: Final = ("table", "wide", "tsv", "csv", "json", "jsonl", "yaml")
#: Forms of whole documents, which have no columns.
DOCUMENT_FORMS: Final = frozenset({"json", "jsonl", "yaml"})
#: Columns that a list is sorted by, where nothing else is asked for.
ORDERED_BY: Final = 3
#: What the options are called as parameters.
_PARAMETERS: Final = ("form", "columns", "sort", "quiet", "as_json")


class ListOptions(NamedTuple):
    """How a list is to be printed.

    Attributes:
        form: One of FORMS; empty: a table on a terminal, tsv elsewhere.
        columns: Titles of the columns that are shown, in this order; empty: all.
        sort: A column's title, after `-` for the greatest first; empty: as it comes.
        quiet: Print the ids alone.
    """

    form: str = ""
    columns: tuple[str, ...] = ()
    sort: str = ""
    quiet: bool = False


class OutputRow(NamedTuple):
    """One row.

    Attributes:
        cells: A text for each column.
        document: A message, or plain values.
    """

    cells: Sequence[str]
    document: Any


def rows_of(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> list[OutputRow]:
    """Rows whose documents are their cells by column."""
    return [OutputRow(row, dict(zip(columns, row, strict=True))) for row in cells]


class ListView(NamedTuple):
    """A list that is to be printed.

    Attributes:
        title: For people.
        ids: The columns that other commands take, such as venue and spelling.
        empty: What is said where there are no rows.
        whole: What `-o json` prints, where that is more than the rows' documents.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[OutputRow]
    ids: Sequence[str]
    empty: str = ""
    whole: Any = None


class _ColumnsParam(click.ParamType[Any]):
    name = "A,B"

    def convert(self, value: Any, _: Any, __: Any) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(name.strip() for name in str(value).split(",") if name.strip())


def list_parameters() -> list[click.Parameter]:
    """The options of a list's command, for commands that are made without decorators."""
    return [
        click.Option(
            ["form", "-o", "--output"],
            type=click.Choice(FORMS),
            default=None,
            show_default=False,
            help="Form; by default a table on a terminal, and tsv in a pipe.",
        ),
        click.Option(
            ["columns", "--columns"],
            type=_ColumnsParam(),
            default=(),
            help="Only these columns, in this order.",
        ),
        click.Option(["sort", "--sort"], default="", help="Sort by a column; -COLUMN: descending."),
        click.Option(["quiet", "-q", "--quiet"], is_flag=True, help="Print the ids alone."),
        click.Option(["as_json", "--json"], is_flag=True, help="The same as -o json."),
    ]


def list_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of lists; the command gets them as `listing`, a ListOptions."""

    @wraps(command)
    def with_listing(*args: Any, **values: Any) -> None:
        listing = taken(values)
        command(*args, **values, listing=listing)

    own = list(getattr(command, "__click_params__", ()))
    with_listing.__click_params__ = [*reversed(list_parameters()), *own]  # type: ignore[attr-defined]
    return with_listing


def taken(values: dict[str, Any]) -> ListOptions:
    """Take the options of lists out of a command's values.

    Raises:
        UsageError: Options contradict each other.
    """
    form, columns, sort, quiet, as_json = (values.pop(name) for name in _PARAMETERS)
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and -o {form} are two forms: give one")
    form = "json" if as_json else form
    if quiet and (form or columns):
        raise click.UsageError("-q prints ids alone: give it without -o, --json and --columns")
    if columns and form in DOCUMENT_FORMS:
        raise click.UsageError(f"-o {form} prints whole documents: --columns is for the others")
    return ListOptions(form or "", tuple(columns), sort or "", quiet)


def is_table(options: ListOptions) -> bool:
    """Whether a list is printed as a table for people."""
    return not options.quiet and _form_of(options) in ("table", "wide")


def _form_of(options: ListOptions) -> str:
    return options.form or ("table" if output.is_terminal() else "tsv")


def show_list(view: ListView, options: ListOptions) -> None:
    """Print a list.

    Raises:
        UsageError: The options name a column that the list has not.
    """
    rows = _sorted(view, options.sort)
    if options.quiet:
        places = [view.columns.index(name) for name in view.ids]
        for row in rows:
            print_tsv_line(["/".join(row.cells[place] for place in places)])
        return
    form = _form_of(options)
    if form == "json" and view.whole is not None:
        print_json(view.whole)
        return
    if form in DOCUMENT_FORMS:
        _print_documents([row.document for row in rows], form)
        return
    names = options.columns or tuple(view.columns)
    places = [_place(view, name) for name in names]
    cells = [[row.cells[place] for place in places] for row in rows]
    if form in ("table", "wide"):
        _print_table(view, names, cells, is_whole=form == "wide" or bool(options.columns))
        return
    if not rows and view.empty:
        to_stderr(view.empty)
    if form == "csv":
        _print_csv([names, *cells])
    else:
        for line in (names, *cells):
            print_tsv_line(line)


def _print_table(
    view: ListView, names: Sequence[str], cells: Sequence[Sequence[str]], *, is_whole: bool
) -> None:
    if not cells and view.empty:
        say(view.empty)
        return
    kept = frozenset(names) if is_whole else NEVER_HIDDEN | set(view.ids)
    table(view.title, names, cells, kept)


def _place(view: ListView, name: str) -> int:
    titles = [title.casefold().replace("_", " ") for title in view.columns]
    wanted = name.casefold().replace("_", " ")
    if wanted not in titles:
        known = ", ".join(view.columns)
        raise click.UsageError(f"there is no column {name!r}: the columns are {known}")
    return titles.index(wanted)


def _sorted(view: ListView, sort: str) -> list[OutputRow]:
    if not sort:
        return list(view.rows)
    is_descending = sort.startswith("-")
    place = _place(view, sort.removeprefix("-"))
    stated = [row for row in view.rows if row.cells[place]]
    unstated = [row for row in view.rows if not row.cells[place]]
    stated.sort(key=lambda row: _natural(row.cells[place]), reverse=is_descending)
    return [*stated, *unstated]


def _natural(text: str) -> tuple[int, Any]:
    """Numbers by their value, before texts."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return 1, text.casefold()
    return (0, number) if number.is_finite() else (1, text.casefold())


def read_order(row: OutputRow) -> list[tuple[int, Any]]:
    """The order in which people look for rows: by what the first columns say."""
    return [_natural(cell) for cell in row.cells[:ORDERED_BY]]


def _plain(document: Any) -> Any:
    return plain_fields(document) if isinstance(document, Message) else document


def _print_documents(documents: Iterable[Any], form: str) -> None:
    plain = [_plain(document) for document in documents]
    if form == "jsonl":
        for document in plain:
            print_json_line(document)
    elif form == "yaml":
        text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)
        out.file.write(text)
        out.file.flush()
    else:
        print_json(plain)


def _print_csv(lines: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([printable(cell) for cell in line] for line in lines)
    out.file.write(text.getvalue())
    out.file.flush()
