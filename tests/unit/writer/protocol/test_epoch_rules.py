"""What a resolver claims to hold is believed only where the database does not have it."""

from __future__ import annotations

import pytest

from cqar_shared.replication.positions import (
    EPOCHS_MAX,
    LOST_MAX,
    REVISION_MAX,
    LogPosition,
    is_believable,
)
from cqar_writer.protocol.epoch_rules import epoch_start, is_lost

A, B = b"a" * 32, b"b" * 32
HEAD = LogPosition(2, 10, A)


@pytest.mark.parametrize(
    ("held", "row", "lost"),
    [
        pytest.param(HEAD, HEAD, False, id="the head itself"),
        pytest.param(LogPosition(2, 9, B), LogPosition(2, 9, B), False, id="a part of its history"),
        pytest.param(LogPosition(2, 11, B), None, True, id="beyond the head"),
        pytest.param(LogPosition(2, 10, B), HEAD, True, id="the same revision on another chain"),
        pytest.param(
            LogPosition(2, 8, B), LogPosition(2, 9, A), True, id="a revision that it skips"
        ),
        pytest.param(
            LogPosition(3, 9, B), LogPosition(2, 9, A), True, id="of an epoch that was lost"
        ),
        pytest.param(
            LogPosition(1, 9, B), LogPosition(2, 9, A), False, id="of an ended epoch, behind"
        ),
        pytest.param(LogPosition(1, 10, B), HEAD, True, id="of an ended epoch, beside the head"),
        pytest.param(LogPosition(1, 12, B), None, True, id="of an ended epoch, beyond the head"),
    ],
)
def test_what_is_lost(held: LogPosition, row: LogPosition | None, *, lost: bool) -> None:
    assert is_lost(HEAD, held, row) is lost


def test_claims_that_would_use_up_the_numbers_are_not_believed() -> None:
    assert is_believable(HEAD, LogPosition(2 + EPOCHS_MAX, 10 + LOST_MAX, B))
    assert not is_believable(HEAD, LogPosition(2, 11 + LOST_MAX, B))
    assert not is_believable(HEAD, LogPosition(3 + EPOCHS_MAX, 10, B))


def test_no_claim_goes_beyond_what_arithmetic_leaves_room_for() -> None:
    at = LogPosition(2, REVISION_MAX, A)
    assert is_believable(at, LogPosition(2, REVISION_MAX, B))
    assert not is_believable(at, LogPosition(2, REVISION_MAX + 1, B))


@pytest.mark.parametrize(
    "seen", [LogPosition(1, 12, B), LogPosition(4, 3, B), LogPosition(4, 12, B), HEAD]
)
def test_an_epoch_begins_beyond_all_that_was_seen(seen: LogPosition) -> None:
    epoch, revision = epoch_start(HEAD, seen)
    assert (epoch, revision) == (max(2, seen.epoch) + 1, max(10, seen.revision) + 1)
