"""What a resolver claims to hold is believed only where the database does not have it."""

from __future__ import annotations

import pytest

from shared.history import EPOCHS_MAX, LOST_MAX, REVISION_MAX, Position, is_believable
from writer.epoch_core import begins_at, is_lost

A, B = b"a" * 32, b"b" * 32
HEAD = Position(2, 10, A)


@pytest.mark.parametrize(
    ("held", "row", "lost"),
    [
        pytest.param(HEAD, HEAD, False, id="the head itself"),
        pytest.param(Position(2, 9, B), Position(2, 9, B), False, id="a part of its history"),
        pytest.param(Position(2, 11, B), None, True, id="beyond the head"),
        pytest.param(Position(2, 10, B), HEAD, True, id="the same revision on another chain"),
        pytest.param(Position(2, 8, B), Position(2, 9, A), True, id="a revision that it skips"),
        pytest.param(Position(3, 9, B), Position(2, 9, A), True, id="of an epoch that was lost"),
        pytest.param(Position(1, 9, B), Position(2, 9, A), False, id="of an ended epoch, behind"),
        pytest.param(Position(1, 10, B), HEAD, True, id="of an ended epoch, beside the head"),
        pytest.param(Position(1, 12, B), None, True, id="of an ended epoch, beyond the head"),
    ],
)
def test_what_is_lost(held: Position, row: Position | None, *, lost: bool) -> None:
    assert is_lost(HEAD, held, row) is lost


def test_claims_that_would_use_up_the_numbers_are_not_believed() -> None:
    assert is_believable(HEAD, Position(2 + EPOCHS_MAX, 10 + LOST_MAX, B))
    assert not is_believable(HEAD, Position(2, 11 + LOST_MAX, B))
    assert not is_believable(HEAD, Position(3 + EPOCHS_MAX, 10, B))


def test_no_claim_goes_beyond_what_arithmetic_leaves_room_for() -> None:
    at = Position(2, REVISION_MAX, A)
    assert is_believable(at, Position(2, REVISION_MAX, B))
    assert not is_believable(at, Position(2, REVISION_MAX + 1, B))


@pytest.mark.parametrize("seen", [Position(1, 12, B), Position(4, 3, B), Position(4, 12, B), HEAD])
def test_an_epoch_begins_beyond_all_that_was_seen(seen: Position) -> None:
    epoch, revision = begins_at(HEAD, seen)
    assert (epoch, revision) == (max(2, seen.epoch) + 1, max(10, seen.revision) + 1)
