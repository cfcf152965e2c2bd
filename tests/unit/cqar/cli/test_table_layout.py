"""Tables of any rows on terminals of any width and in pipes: whole, or left out and named."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from cqar.cli import output
from cqar.cli.output import printable
from cqar.cli.table_layout import PROSE, lay_out

COLUMNS = ("id", "asset", "reason", "evidence")
ROWS = [("0" * 36, "BTC", "the bridge was drained of all that it held", "https://x.y/z")]
TITLES = ["id", "spelling", "symbol", "tick size", "status", "listed at", *sorted(PROSE)]
NAMED = re.compile(r"not shown for width: columns (.*); a wider terminal, a pipe or --json")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Shown(NamedTuple):
    lines: list[str]
    left_out: list[str]

    @property
    def is_grid(self) -> bool:
        return self.lines[:1] != [] and self.lines[0][:1] in ("┏", "┌")


def shown(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Shown:
    """What a terminal of a width, or a pipe, is sent; without the title."""
    to = io.StringIO() if width is None else Terminal()
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        # A pipe has no width, whatever the environment says.
        patch.setenv("COLUMNS", "20" if width is None else str(width))
        patch.setattr(output, "out", Console(file=to, highlight=False))
        patch.setattr(output, "err", Console(file=said, highlight=False, width=10_000))
        output.table("T", columns, rows)
    found = NAMED.search(said.getvalue())
    left_out = found.group(1).split(", ") if found else []
    return Shown(to.getvalue().split("\n")[1:-1], left_out)


# What draws the table is in no cell, so that a line can be taken apart again.
text = st.text(st.characters(exclude_characters="│┃"), max_size=60)
prose = st.lists(st.text("abcdefgh", min_size=1, max_size=12), max_size=30).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    columns = draw(st.lists(st.sampled_from(TITLES), min_size=1, max_size=10, unique=True))
    cells = [st.one_of(text, prose, st.sampled_from(["", "SOL-USDC", "0" * 36])) for _ in columns]
    return columns, draw(st.lists(st.tuples(*cells).map(list), max_size=5))


@given(tables())
def test_in_a_pipe_a_row_is_a_line_and_every_value_whole(
    table: tuple[list[str], list[list[str]]],
) -> None:
    columns, rows = table
    found = shown(columns, rows, None)
    assert found.left_out == []
    assert found.is_grid
    _, header, _, *body, _ = found.lines
    assert [cell.strip() for cell in header.split("┃")[1:-1]] == columns
    assert len(body) == len(rows)
    for line, row in zip(body, rows, strict=True):
        cells = [cell[1:] for cell in line.split("│")[1:-1]]
        for cell, value in zip(cells, row, strict=True):
            whole = printable(value).replace("\n", r"\n")
            assert cell.startswith(whole)
            assert not cell[len(whole) :].strip(" ")


@given(tables(), st.integers(20, 400))
def test_on_a_terminal_every_value_is_whole_or_its_column_is_named(
    table: tuple[list[str], list[list[str]]], width: int
) -> None:
    columns, rows = table
    found = shown(columns, rows, width)
    assert set(found.left_out) <= set(columns) - {"id", columns[0]}
    if found.is_grid:
        assert max(map(cell_len, found.lines)) <= width
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if column in found.left_out:
                continue
            for line in printable(value).split("\n"):
                whole = any(line in shown_line for shown_line in found.lines)
                # Prose may be wrapped at a space, never within a word.
                each = all(any(w in s for s in found.lines) for w in line.split())
                assert whole or (column in PROSE and each), (column, line)


@given(prose, st.integers(40, 400))
def test_wrapped_prose_is_put_together_again_by_spaces(value: str, width: int) -> None:
    found = shown(("id", "reason"), [("X", value)], width)
    assert found.is_grid
    assert found.left_out == []
    cells = [line.split("│")[2][1:-1].rstrip() for line in found.lines if line[:1] == "│"]
    assert " ".join(cells) == value


def test_where_there_is_room_a_row_is_a_line() -> None:
    found = shown(COLUMNS, ROWS, 160)
    assert sum(ROWS[0][2] in line for line in found.lines) == 1
    assert len(found.lines) == 5


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_no_word_is_torn(width: int) -> None:
    found = shown(COLUMNS, ROWS, width)
    seen = " ".join(found.lines).replace("│", " ").split()
    for column, cell in zip(COLUMNS, ROWS[0], strict=True):
        if column not in found.left_out:
            assert set(cell.split()) <= set(seen)
            assert any(column in line for line in found.lines)


def test_columns_that_hold_nothing_are_left_out_first_and_ids_never() -> None:
    columns = ("spelling", "alias of", "status", "listed at", "id")
    rows = [("SOL-USDC", "", "online", "2020-01-01T00:00:00Z", "0" * 36)]
    assert lay_out(columns, rows, 400).left_out == []
    assert lay_out(columns, rows, 85).left_out == ["alias of"]
    assert lay_out(columns, rows, 75).left_out == ["alias of", "listed at"]


def test_a_spelling_is_whole_at_every_width() -> None:
    columns = ("venue", "spelling", "symbol", "status", "tick size", "lot size", "listed at")
    row = ("coinbase", "SOL-USDC", "SOL/USDC", "online", "0.01", "0.00000001", "2021-01-01")
    for width in range(20, 200):
        assert any("SOL-USDC" in line for line in lay_out(columns, [row], width).lines)


def test_a_table_of_names_and_values_loses_neither_however_long_they_are() -> None:
    rows = [("reason", "x" * 500), ("members", "BTC 1\nETH 2")]
    found = shown(("", ""), rows, 40)
    assert found.left_out == []
    assert found.lines == [f"reason   {'x' * 500}", "members  BTC 1", "         ETH 2"]
