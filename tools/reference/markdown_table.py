"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MADE: Final = "*Made from the code by `make docs-reference`; a test holds it current.*"


def table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [names, ("---",) * len(names), *rows]
    cells = ([cell.replace("|", r"\|") for cell in row] for row in lines)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)
