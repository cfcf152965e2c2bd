"""How things look on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console

from cqar.cli.table_layout import NEVER_HIDDEN, lay_out
from cqar.embedded.endpoints import Endpoints

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def to_stderr(text: str) -> None:
    err.print(printable(text), markup=False, soft_wrap=True)


def say(text: str, *, bold: bool = False) -> None:
    """Print a line, which is never broken: a terminal that is too narrow wraps it itself."""
    out.print(printable(text), markup=False, soft_wrap=True, style="bold" if bold else None)


def require_terminal(otherwise: str) -> None:
    """Refuse to ask where nobody could answer.

    Args:
        otherwise: The options that need no answer.

    Raises:
        UsageError: Nobody could.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody is at a terminal to be asked: say {otherwise}")


def confirm(question: str, *, err: bool = False) -> None:
    """Go on only if somebody says yes.

    Args:
        err: Whether it is asked beside what a program reads.

    Raises:
        Exit: Nobody did; said so.
    """
    if not click.confirm(printable(question), err=err):
        to_stderr("nothing was changed.")
        raise click.exceptions.Exit(1)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    kept: frozenset[str] = NEVER_HIDDEN,
) -> None:
    """Print a table, each value whole; columns that the terminal has no room for are named.

    Cells are data: what looks like markup or moves the cursor is shown, not obeyed.

    Args:
        kept: Columns that are not left out.
    """
    say(title, bold=True)
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    layout = lay_out(columns, cells, out.width if out.file.isatty() else None, kept)
    out.file.write("".join(f"{line}\n" for line in layout.lines))
    out.file.flush()
    if layout.left_out:
        to_stderr(
            f"not shown for width: columns {', '.join(layout.left_out)};"
            " a wider terminal, a pipe or --json shows them"
        )


def printable(text: str) -> str:
    """The text with control characters written out."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def print_json(value: Any) -> None:
    """One JSON document on stdout, whatever the terminal's width."""
    if isinstance(value, Message):
        text = json_format.MessageToJson(value, preserving_proto_field_name=True)
    else:
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    out.file.write(text + "\n")
    out.file.flush()


def print_json_line(value: Any) -> None:
    """One JSON document on one line, for answers that come one by one."""
    if isinstance(value, Message):
        text = json_format.MessageToJson(value, preserving_proto_field_name=True, indent=None)
    else:
        text = msgspec.json.encode(value).decode()
    out.file.write(text + "\n")
    out.file.flush()


def show_endpoints(endpoints: Endpoints) -> None:
    rows = [
        ("writer", endpoints.writer),
        *(("resolver", address) for address in endpoints.resolvers),
        *(("resolver socket", path) for path in endpoints.resolver_sockets),
        ("writer http", f"http://{endpoints.writer_http}"),
        *(("resolver http", f"http://{address}") for address in endpoints.resolver_http),
        ("nats", endpoints.nats),
        ("redis", endpoints.redis),
    ]
    table("The stack is up", ("what", "where"), rows)
