"""Cached values are moved on only along one history."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from shared.history import Position
from writer.cache_core import continues

A, B = b"a" * 32, b"b" * 32
SINCE = Position(2, 8, A)


class Row(NamedTuple):
    prev_chain: bytes
    epoch: int = 2
    revision: int = 9
    chain: bytes = B
    is_reset: bool = False


@pytest.mark.parametrize(
    ("head", "rows", "leads_on"),
    [
        pytest.param(Position(2, 9, B), [Row(A)], True, id="the next revision"),
        pytest.param(Position(2, 9, B), [Row(B)], False, id="of another chain"),
        pytest.param(Position(2, 9, B), [], False, id="no rows"),
        pytest.param(Position(2, 11, B), [Row(A)] * 3, False, id="too many rows"),
        pytest.param(Position(3, 9, B), [Row(A)], False, id="another epoch"),
        pytest.param(Position(2, 8, B), [Row(A)], False, id="the same revision on another chain"),
        pytest.param(Position(2, 7, B), [Row(A)], False, id="the database went back"),
    ],
)
def test_what_leads_from_the_cursor_to_the_head(
    head: Position, rows: list[Row], *, leads_on: bool
) -> None:
    assert continues(SINCE, head, rows, 2) is leads_on
