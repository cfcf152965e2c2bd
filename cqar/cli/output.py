"""What commands print, and what they ask."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console

from cqar.cli.exit_codes import REFUSED
from cqar.cli.table_layout import NEVER_HIDDEN, lay_out

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def is_terminal() -> bool:
    """Whether somebody reads what is printed on a terminal."""
    return out.file.isatty()


def to_stderr(text: str) -> None:
    err.print(printable(text), markup=False, soft_wrap=True)


def say(text: str, *, bold: bool = False) -> None:
    """Print a line without breaking it; a terminal that is too narrow wraps it itself."""
    out.print(printable(text), markup=False, soft_wrap=True, style="bold" if bold else None)


def require_terminal(alternatives: str) -> None:
    """Refuse to ask for confirmation where nobody can answer.

    Args:
        alternatives: The options that need no confirmation.

    Raises:
        UsageError: standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"no terminal to ask for confirmation: give {alternatives}")


def confirm(question: str, *, err: bool = False) -> None:
    """Continue only if the user says yes.

    Args:
        err: Ask on standard error, because a program reads standard output.

    Raises:
        Exit: the user said no.
    """
    if not click.confirm(printable(question), err=err):
        to_stderr("nothing was changed.")
        raise click.exceptions.Exit(REFUSED)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    never_hidden: frozenset[str] = NEVER_HIDDEN,
) -> None:
    """Print a table with whole values, and name the columns for which the terminal has no room.

    Cells are data: markup and control characters are shown, not obeyed.

    Args:
        never_hidden: Columns that are not left out.
    """
    say(title, bold=True)
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    layout = lay_out(columns, cells, out.width if is_terminal() else None, never_hidden)
    _write("\n".join(layout.lines))
    if layout.left_out:
        to_stderr(
            f"not shown for width: columns {', '.join(layout.left_out)};"
            " a wider terminal, a pipe or --json shows them"
        )


def printable(text: str) -> str:
    """The text with control characters escaped."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def print_json(value: Any) -> None:
    """Print one JSON document: a message, a list of messages, or plain values."""
    if isinstance(value, Message):
        _write(json_format.MessageToJson(value, preserving_proto_field_name=True))
        return
    if isinstance(value, list):
        value = [_to_dict(item) if isinstance(item, Message) else item for item in value]
    _write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_line(value: Any) -> None:
    """Print one JSON document on one line, for responses that come one by one."""
    _write(msgspec.json.encode(_to_dict(value) if isinstance(value, Message) else value).decode())


def print_tsv_line(cells: Iterable[str]) -> None:
    """Print values separated by tabs; a tab or a line's end in a value is escaped."""
    _write("\t".join(printable(cell).replace("\n", "\\n") for cell in cells))


def _to_dict(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _write(text: str) -> None:
    out.file.write(f"{text}\n")
    out.file.flush()
