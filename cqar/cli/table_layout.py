"""Tables as lines of text: a value is shown whole, or its column is left out and named. Pure.

Without a width, as in a pipe, nothing is left out and a row is one line. On a terminal columns of
prose are wrapped at spaces first, then columns are left out from the right, then each row becomes
a block of lines. What might be copied, such as a spelling, an id or a number, is on one line
everywhere: where a block's line is longer than the terminal, the terminal itself wraps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

#: Columns whose text is for reading: it may be wrapped, at single spaces.
PROSE: Final = frozenset(
    {"because", "description", "error", "flags", "name", "reason", "what", "what it does", "why"}
)
#: Columns of prose are not made narrower than this to make room for others.
PROSE_COLUMNS_MIN: Final = 20
#: Never left out of a table that is no block of lines: other commands ask for it.
NEVER_HIDDEN: Final = frozenset({"id"})
#: A table of so many columns is one of names and values, and loses none.
PAIR_COLUMNS: Final = 2
#: A space that can be put back: no other is beside it.
_SINGLE_SPACE: Final = re.compile(r"(?<! ) (?! )")

Rows = Sequence[Sequence[str]]


class Layout(NamedTuple):
    """A table as it is printed.

    Attributes:
        left_out: The columns that are not in it, in their order.
    """

    lines: list[str]
    left_out: list[str]


def lay_out(
    columns: Sequence[str], rows: Rows, width: int | None, kept: frozenset[str] = NEVER_HIDDEN
) -> Layout:
    """Lay a table out.

    Args:
        rows: Cells without control characters other than line feeds.
        width: The terminal's, in its columns; None: there is no terminal.
        kept: Columns that are not left out.
    """
    if width is None:
        flat = [[cell.replace("\n", r"\n") for cell in row] for row in rows]
        widths = [_widest(column) for column in _columns(columns, flat)]
        return Layout(list(_grid(columns, flat, widths)), [])
    wanted = [_widest(column) for column in _columns(columns, rows)]
    least = [
        _least(column, wish) if column[0] in PROSE else wish
        for column, wish in zip(_columns(columns, rows), wanted, strict=True)
    ]
    shown = list(range(len(columns)))
    for place in (None, *_dispensable(columns, rows, kept)):
        if place is not None:
            shown.remove(place)
        fitting = _fitting([least[i] for i in shown], [wanted[i] for i in shown], width)
        if fitting is not None:
            titles, cells = [columns[i] for i in shown], [[row[i] for i in shown] for row in rows]
            left_out = [title or f"{i + 1}" for i, title in enumerate(columns) if i not in shown]
            return Layout(list(_grid(titles, cells, fitting)), left_out)
    return Layout(list(_blocks(columns, rows)), [])


def _dispensable(columns: Sequence[str], rows: Rows, kept: frozenset[str]) -> list[int]:
    """The columns that may be left out, in that order: empty ones, then half of the others."""
    if len(columns) <= PAIR_COLUMNS:
        return []
    places = [i for i in range(len(columns) - 1, 0, -1) if columns[i] not in kept]
    empty = [i for i in places if not any(row[i] for row in rows)]
    full = [i for i in places if i not in empty]
    return empty + full[: (len(columns) - len(empty)) // 2]


def _columns(titles: Sequence[str], rows: Rows) -> Iterator[list[str]]:
    """Each column's cells, its title first."""
    for i, title in enumerate(titles):
        yield [title, *(row[i] for row in rows)]


def _width(text: str) -> int:
    """Columns of a terminal that a line takes; a list may have a million cells."""
    return len(text) if text.isascii() else cell_len(text)


def _widest(cells: Sequence[str]) -> int:
    return max(_width(line) for cell in cells for line in cell.split("\n"))


def _fitting(least: Sequence[int], wanted: Sequence[int], width: int) -> list[int] | None:
    """The columns' widths within a terminal's, from the least up; None if they do not fit."""
    widths = list(least)
    # Each has a border and a space on either side; one border is left.
    room = width - sum(widths) - 3 * len(widths) - 1
    if room < 0:
        return None
    for i, wish in enumerate(wanted):
        more = min(wish - widths[i], room)
        widths[i] += more
        room -= more
    return widths


def _least(column: Sequence[str], wish: int) -> int:
    """The least width of a column of prose, whose words stay whole, as does its title."""
    title, *cells = column
    words = [word for cell in cells for line in cell.split("\n") for word in _words(line)]
    return max(min(wish, PROSE_COLUMNS_MIN), *map(_width, (title, *words)))


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
