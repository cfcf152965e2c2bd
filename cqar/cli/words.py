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
from rich.table import Table
from rich.text import Text

from cqar.embedded.endpoints import Endpoints

#: Where no terminal says how wide it is: wide enough for every table here.
PIPE_WIDTH = 140
#: A table of more columns than this is shown row by row where it is wider than so many terminals,
#: or where anything but its words would have to be folded.
BLOCK_COLUMNS, FOLDED_MAX = 2, 1.5
#: Wider than any table.
WIDE = 10_000

out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True, highlight=False)


def to_stderr(text: str) -> None:
    err.print(plain(text), markup=False, soft_wrap=True)


def require_somebody(otherwise: str) -> None:
    """Refuse to ask where nobody could answer.

    Args:
        otherwise: The options that need no answer.

    Raises:
        UsageError: Nobody could.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody is at a terminal to be asked: say {otherwise}")


def ask(question: str, *, err: bool = False) -> None:
    """Go on only if somebody says yes.

    Args:
        err: Whether it is asked beside what a program reads.

    Raises:
        Exit: Nobody did; said so.
    """
    if not click.confirm(plain(question), err=err):
        to_stderr("nothing was changed.")
        raise click.exceptions.Exit(1)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Cells are data: what looks like markup or moves the cursor is shown, not obeyed.

    Where the terminal is much too narrow for it, each row is a block of lines.
    """
    out.print(Text(plain(title), style="bold"))
    cells = [[Text(plain(str(cell))) for cell in row] for row in rows]
    shown = Table()
    for column, *below in zip(columns, *cells, strict=True):
        # A number, an address or an id that is folded is another one.
        is_one = len(columns) > BLOCK_COLUMNS and not any(" " in cell.plain for cell in below)
        shown.add_column(column, overflow="fold", no_wrap=is_one or column == "id")
    for row in cells:
        shown.add_row(*row)
    wanted = out.measure(shown, options=out.options.update(width=WIDE, max_width=WIDE))
    fits = wanted.minimum <= out.width and wanted.maximum <= out.width * FOLDED_MAX
    if fits or len(columns) <= BLOCK_COLUMNS:
        out.print(shown)
    else:
        _blocks(columns, cells)


def _blocks(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> None:
    for row in rows:
        block = Table(show_header=False)
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")
        for column, cell in zip(columns, row, strict=True):
            if cell.plain:
                block.add_row(column, cell)
        out.print(block)


def plain(text: str) -> str:
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


def print_json_line(message: Message) -> None:
    """One JSON document on one line, for answers that come one by one."""
    text = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
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
