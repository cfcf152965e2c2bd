"""Cached values are moved on only along one history."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from cqar_shared.replication.positions import LogPosition
from cqar_writer.protocol.cache_schedule import is_contiguous

A, B = b"a" * 32, b"b" * 32
SINCE = LogPosition(2, 8, A)


class Row(NamedTuple):
    prev_chain: bytes
    epoch: int = 2
    revision: int = 9
    chain: bytes = B
    is_reset: bool = False


@pytest.mark.parametrize(
    ("head", "rows", "leads_on"),
    [
        pytest.param(LogPosition(2, 9, B), [Row(A)], True, id="the next revision"),
        pytest.param(LogPosition(2, 9, B), [Row(B)], False, id="of another chain"),
        pytest.param(LogPosition(2, 9, B), [], False, id="no rows"),
        pytest.param(LogPosition(2, 11, B), [Row(A)] * 3, False, id="too many rows"),
        pytest.param(LogPosition(3, 9, B), [Row(A)], False, id="another epoch"),
        pytest.param(
            LogPosition(2, 8, B), [Row(A)], False, id="the same revision on another chain"
        ),
        pytest.param(LogPosition(2, 7, B), [Row(A)], False, id="the database went back"),
    ],
)
def test_what_leads_from_the_cursor_to_the_head(
    head: LogPosition, rows: list[Row], *, leads_on: bool
) -> None:
    assert is_contiguous(SINCE, head, rows, 2) is leads_on
