"""Tables on terminals of any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cqar.cli import words

COLUMNS = ("id", "asset", "reason", "evidence")
ROWS = [("0" * 36, "BTC", "the bridge was drained of all that it held", "https://x.y/z")]


def shown(width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    monkeypatch.setattr(words, "out", out)
    words.table("Flags", COLUMNS, ROWS)
    return out.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_where_there_is_room_a_row_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(160, monkeypatch)
    assert sum(ROWS[0][2] in line for line in lines) == 1
    assert len(lines) == 6


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_no_word_is_torn_and_nothing_left_out(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(width, monkeypatch)
    assert max(map(len, lines)) <= max(width, 36 + 20)
    seen = " ".join(lines).replace("│", " ").split()
    for cell in ROWS[0]:
        assert set(cell.split()) <= set(seen)
    assert all(any(column in line for line in lines) for column in COLUMNS)
