"""Which snapshot may be loaded, and where a stream is followed from, decision by decision."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from cqc.replication.v1.replication_pb2 import Head

from cqar_resolver.replication.protocol import (
    NEAR_REVISIONS,
    Action,
    bootstrap_candidates,
    is_ahead,
    is_near,
    is_onward,
    may_replace,
    on_hydrated,
    resume_after,
)
from cqar_shared.replication.positions import StreamMark, position_of

A, B, C = b"a" * 32, b"b" * 32, b"c" * 32


NOTED = StreamMark("monday", 3, 8)


@pytest.mark.parametrize(
    ("noted", "found", "after"),
    [
        pytest.param(NOTED, StreamMark("monday", 5, 12), 8, id="grown since"),
        pytest.param(NOTED, NOTED, 8, id="as it was"),
        pytest.param(NOTED, StreamMark("tuesday", 1, 12), 0, id="made anew"),
        pytest.param(NOTED, StreamMark("monday", 3, 7), 2, id="its tail lost"),
        pytest.param(None, StreamMark("monday", 4, 9), 3, id="nothing noted"),
        pytest.param(None, StreamMark("monday", 0, 0), 0, id="nothing noted, and nothing there"),
    ],
)
def test_where_following_begins(noted: StreamMark | None, found: StreamMark, after: int) -> None:
    assert resume_after(noted, found) == after


def head_at(revision: int, chain: bytes = A, epoch: int = 2, of: bytes = b"r") -> Head:
    return Head(registry_id=of, epoch=epoch, revision=revision, chain=chain)


HELD = head_at(10)


@pytest.mark.parametrize(
    ("found", "is_confirmed", "action"),
    [
        pytest.param(head_at(11, B), True, Action.APPLY, id="it leads on"),
        pytest.param(
            head_at(9, B), False, Action.BUMP, id="it has less, and nothing was confirmed"
        ),
        pytest.param(head_at(10, B), True, Action.BUMP, id="it has something else"),
        pytest.param(head_at(11, B, of=b"s"), True, Action.REFUSE, id="another's, after its own"),
        pytest.param(
            head_at(3, B, of=b"s"), False, Action.APPLY, id="what was served was another's"
        ),
    ],
)
def test_what_postgres_holds(found: Head, *, is_confirmed: bool, action: Action) -> None:
    assert on_hydrated(HELD, found, is_confirmed=is_confirmed) is action


@pytest.mark.parametrize(
    ("found", "row", "leads_on"),
    [
        pytest.param(head_at(12, B), HELD, True, id="it has what is held"),
        pytest.param(head_at(12, B), head_at(10, C), False, id="it has passed another"),
        pytest.param(head_at(12, B), None, True, id="it does not say"),
        pytest.param(head_at(12, B, epoch=3), head_at(10, C), True, id="in a newer epoch"),
        pytest.param(HELD, HELD, True, id="it is there"),
    ],
)
def test_what_postgres_has_passed_is_compared_by_chain(
    found: Head, row: Head | None, *, leads_on: bool
) -> None:
    at_row = None if row is None else position_of(row)
    expected = Action.APPLY if leads_on else Action.BUMP
    assert on_hydrated(HELD, found, at_row, is_confirmed=True) is expected
    assert is_ahead(HELD, found, at_row) is not leads_on


@pytest.mark.parametrize(
    ("found", "ahead"),
    [
        pytest.param(HELD, False, id="the same"),
        pytest.param(head_at(11, B), False, id="PostgreSQL leads on"),
        pytest.param(head_at(9, B), True, id="PostgreSQL has less"),
        pytest.param(head_at(10, B), True, id="PostgreSQL has something else"),
        pytest.param(head_at(9, B, epoch=3), True, id="less, though of a newer epoch"),
        pytest.param(head_at(9, B, of=b"s"), False, id="another registry's"),
    ],
)
def test_a_file_is_ahead_of_postgres(found: Head, *, ahead: bool) -> None:
    assert is_ahead(HELD, found) is ahead


def compacted(head: Head, revision: int) -> Head:
    head.compacted_revision = revision
    return head


FAR = HELD.revision + NEAR_REVISIONS


@pytest.mark.parametrize(
    ("found", "near"),
    [
        pytest.param(HELD, True, id="the same"),
        pytest.param(head_at(11, B), True, id="the next"),
        pytest.param(head_at(FAR, B), True, id="as far as can be read"),
        pytest.param(head_at(FAR + 1, B), False, id="further"),
        pytest.param(compacted(head_at(12, B), 10), True, id="all of it is kept"),
        pytest.param(compacted(head_at(12, B), 11), False, id="the next is not kept"),
        pytest.param(head_at(10, B), False, id="beside it"),
        pytest.param(head_at(9, B), False, id="behind it"),
        pytest.param(head_at(11, B, epoch=3), False, id="in a newer epoch"),
        pytest.param(head_at(11, B, of=b"s"), False, id="another registry's"),
    ],
)
def test_a_file_that_postgres_leads_on_from(found: Head, *, near: bool) -> None:
    assert is_near(HELD, found) is near


@pytest.mark.parametrize(
    ("found", "onward", "taken"),
    [
        pytest.param(head_at(11, B), True, False, id="newer: it may lack what is served"),
        pytest.param(head_at(11, B, epoch=3), True, True, id="of a newer epoch"),
        pytest.param(HELD, False, False, id="the same: nothing is gained by it"),
        pytest.param(head_at(9, B), False, False, id="older"),
        pytest.param(head_at(10, B), False, False, id="beside it"),
        pytest.param(head_at(9, B, epoch=3), False, False, id="older of a newer epoch"),
        pytest.param(head_at(11, B, epoch=3, of=b"s"), False, False, id="another registry's"),
    ],
)
def test_an_image_that_may_replace_what_is_served(
    found: Head, *, onward: bool, taken: bool
) -> None:
    assert is_onward(HELD, found) is onward
    assert may_replace(HELD, found) is taken
    assert may_replace(None, found)


class Candidate(NamedTuple):
    head: Head


def test_of_what_may_be_loaded_the_newer_is_tried_first() -> None:
    old = Candidate(head_at(10, A))
    new, twin = (Candidate(head_at(12, B, epoch=HELD.epoch + 1)) for _ in "12")
    assert bootstrap_candidates(None, old, new) == [new, old]
    assert bootstrap_candidates(None, new, old) == [new, old]
    assert bootstrap_candidates(HELD, old, new) == bootstrap_candidates(HELD, None, new) == [new]
    assert bootstrap_candidates(HELD, new, old) == bootstrap_candidates(HELD, new, None) == [new]
    assert bootstrap_candidates(new.head, old, new) == bootstrap_candidates(None, None, None) == []
    assert bootstrap_candidates(new.head, new, twin, required_registry_id=b"another") == []
    assert bootstrap_candidates(new.head, old, None, required_registry_id=old.head.registry_id) == [
        old
    ]
    (first, second) = bootstrap_candidates(None, new, twin)
    assert (first is new, second is twin) == (True, True)


def test_an_image_that_goes_back_in_revision_does_not_come_before_the_file() -> None:
    """Three commits were lost that nobody but this resolver saw; the new epoch has two."""
    kept, published = Candidate(head_at(3, A, epoch=1)), Candidate(head_at(2, B, epoch=2))
    assert bootstrap_candidates(None, kept, published) == [kept, published]
