"""Lays tables out as lines of text; a value is shown whole, or its column is left out. Pure.

Without a width, as in a pipe, nothing is left out and a row is one line. On a terminal, columns of
prose are wrapped at spaces first; then columns are left out from the right; then each row becomes
a block of lines. A value that a user may copy, such as a spelling, an id or a number, is never
broken: where a block's line is longer than the terminal, the terminal itself wraps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

#: Columns of prose, which may be wrapped at single spaces.
PROSE: Final = frozenset(
    {"because", "description", "error", "flags", "name", "reason", "what", "what it does", "why"}
)
#: Minimum width of a column of prose.
PROSE_COLUMNS_MIN: Final = 20
#: Columns that are not left out, because other commands need their values.
NEVER_HIDDEN: Final = frozenset({"id"})
#: A table with this many columns is one of names and values; none is left out.
PAIR_COLUMNS: Final = 2
#: A space with no other space beside it.
_SINGLE_SPACE: Final = re.compile(r"(?<! ) (?! )")

Rows = Sequence[Sequence[str]]


class Layout(NamedTuple):
    """A table as it is printed.

    Attributes:
        left_out: The columns that are not shown, in order.
    """

    lines: list[str]
    left_out: list[str]


def lay_out(
    columns: Sequence[str],
    rows: Rows,
    width: int | None,
    never_hidden: frozenset[str] = NEVER_HIDDEN,
) -> Layout:
    """Lay a table out.

    Args:
        rows: Cells without control characters other than line feeds.
        width: The terminal's width in columns; None without a terminal.
        never_hidden: Columns that are not left out.
    """
    if width is None:
        flat = [[cell.replace("\n", r"\n") for cell in row] for row in rows]
        widths = [_widest(column) for column in _columns(columns, flat)]
        return Layout(list(_grid(columns, flat, widths)), [])
    full = [_widest(column) for column in _columns(columns, rows)]
    minimum = [
        _min_prose_width(column, width_) if column[0] in PROSE else width_
        for column, width_ in zip(_columns(columns, rows), full, strict=True)
    ]
    shown = list(range(len(columns)))
    for hidden in (None, *_dispensable(columns, rows, never_hidden)):
        if hidden is not None:
            shown.remove(hidden)
        fitting = _fitting([minimum[i] for i in shown], [full[i] for i in shown], width)
        if fitting is not None:
            titles, cells = [columns[i] for i in shown], [[row[i] for i in shown] for row in rows]
            left_out = [title or f"{i + 1}" for i, title in enumerate(columns) if i not in shown]
            return Layout(list(_grid(titles, cells, fitting)), left_out)
    return Layout(list(_blocks(columns, rows)), [])


def _dispensable(columns: Sequence[str], rows: Rows, never_hidden: frozenset[str]) -> list[int]:
    """The columns that may be left out, in order: empty ones, then half of the others."""
    if len(columns) <= PAIR_COLUMNS:
        return []
    candidates = [i for i in range(len(columns) - 1, 0, -1) if columns[i] not in never_hidden]
    empty = [i for i in candidates if not any(row[i] for row in rows)]
    filled = [i for i in candidates if i not in empty]
    return empty + filled[: (len(columns) - len(empty)) // 2]


def _columns(titles: Sequence[str], rows: Rows) -> Iterator[list[str]]:
    """Each column's cells, title first."""
    for i, title in enumerate(titles):
        yield [title, *(row[i] for row in rows)]


def _width(text: str) -> int:
    """Columns of a terminal that a line takes."""
    # A list may have a million cells, and `cell_len` is slow.
    return len(text) if text.isascii() else cell_len(text)


def _widest(cells: Sequence[str]) -> int:
    return max(_width(line) for cell in cells for line in cell.split("\n"))


def _fitting(minimum: Sequence[int], full: Sequence[int], width: int) -> list[int] | None:
    """Column widths, at least the minimum, that fit a terminal; None if even those do not fit."""
    widths = list(minimum)
    # Each column has two spaces and a border; one more border closes the row.
    room = width - sum(widths) - 3 * len(widths) - 1
    if room < 0:
        return None
    for i, full_width in enumerate(full):
        added = min(full_width - widths[i], room)
        widths[i] += added
        room -= added
    return widths


def _min_prose_width(column: Sequence[str], full_width: int) -> int:
    """The minimum width of a column of prose: words and title stay whole."""
    title, *cells = column
    words = [word for cell in cells for line in cell.split("\n") for word in _words(line)]
    return max(min(full_width, PROSE_COLUMNS_MIN), *map(_width, (title, *words)))


def _words(line: str) -> list[str]:
    return _SINGLE_SPACE.split(line)


def _grid(titles: Sequence[str], rows: Rows, widths: Sequence[int]) -> Iterator[str]:
    bars = ["━" * (width + 2) for width in widths]
    thin = ["─" * (width + 2) for width in widths]
    if any(titles):
        yield f"┏{'┳'.join(bars)}┓"
        yield f"┃ {' ┃ '.join(map(_padded, titles, widths))} ┃"
        yield f"┡{'╇'.join(bars)}┩"
    else:
        yield f"┌{'┬'.join(thin)}┐"
    for row in rows:
        cells = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
        for i in range(max(map(len, cells))):
            parts = [cell[i] if i < len(cell) else "" for cell in cells]
            yield f"│ {' │ '.join(map(_padded, parts, widths))} │"
    yield f"└{'┴'.join(thin)}┘"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _wrapped(cell: str, width: int) -> list[str]:
    """A cell's lines; only what is too long for one is wrapped."""
    lines: list[str] = []
    for line in cell.split("\n"):
        if _width(line) <= width:
            lines.append(line)
            continue
        filled, *words = _words(line)
        for word in words:
            if _width(filled) + 1 + _width(word) <= width:
                filled = f"{filled} {word}"
            else:
                lines.append(filled)
                filled = word
        lines.append(filled)
    return lines


def _blocks(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    """Each row as lines of a name and a value, whatever their length; of pairs the row as one."""
    if len(columns) == PAIR_COLUMNS:
        named = [[columns], rows] if any(columns) else [rows]
        pairs = [[(row[0], row[1]) for part in named for row in part]]
    else:
        pairs = [
            [(title, cell) for title, cell in zip(columns, row, strict=True) if cell]
            for row in rows
        ]
    for i, block in enumerate(pairs):
        if i:
            yield ""
        label = max((_width(name) for name, _ in block), default=0)
        for name, value in block:
            first, *others = value.split("\n")
            yield f"{_padded(name, label)}  {first}"
            yield from (f"{' ' * label}  {other}" for other in others)
