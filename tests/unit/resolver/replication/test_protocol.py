"""Every row of the resolver's decision tables in protocol.md, as findings.md corrects them."""

from __future__ import annotations

import itertools
from functools import partial
from typing import NamedTuple

import pytest
from cqc.replication.v1 import replication_pb2
from cqc.replication.v1.replication_pb2 import Head

from cqar_resolver.replication.protocol import (
    NEAR_REVISIONS,
    Action,
    UnknownMessage,
    bootstrap_candidates,
    is_ahead,
    is_before,
    is_earlier,
    is_near,
    is_on_the_way,
    is_onward,
    on_commit,
    on_head,
    on_heartbeat,
    on_hydrated,
    on_message,
    on_probe,
    on_reset,
    on_row,
    on_snapshot,
    resume_after,
)
from cqar_shared.replication.positions import NO_TERM, LogPosition, StreamMark, Term, position_of

A, B, C = b"a" * 32, b"b" * 32, b"c" * 32
MINE = LogPosition(2, 10, A)


def at(revision: int, chain: bytes = B, epoch: int = 2) -> LogPosition:
    return LogPosition(epoch, revision, chain)


@pytest.mark.parametrize(
    ("theirs", "action"),
    [
        pytest.param(MINE, Action.NOTHING, id="equal to mine"),
        pytest.param(at(99, epoch=1), Action.NOTHING, id="an older epoch"),
        pytest.param(at(9), Action.NOTHING, id="my epoch, older revision"),
        pytest.param(at(11), Action.CATCH_UP, id="my epoch, newer revision"),
        pytest.param(at(10), Action.BOOTSTRAP, id="my revision on another chain"),
        pytest.param(at(11, epoch=3), Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(10, A, epoch=3), Action.BOOTSTRAP, id="my chain in a newer epoch"),
    ],
)
def test_a_reset(theirs: LogPosition, action: Action) -> None:
    assert on_reset(MINE, theirs) is action


@pytest.mark.parametrize(
    ("theirs", "prev_chain", "action"),
    [
        pytest.param(at(11, epoch=3), A, Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(11, epoch=1), A, Action.NOTHING, id="an older epoch"),
        pytest.param(at(10), C, Action.CATCH_UP, id="my revision on another chain"),
        pytest.param(MINE, C, Action.NOTHING, id="my own revision again"),
        pytest.param(at(9), C, Action.NOTHING, id="an older revision again"),
        pytest.param(at(11), A, Action.APPLY, id="the next one on my chain"),
        pytest.param(at(11), C, Action.CATCH_UP, id="the next one on another chain"),
        pytest.param(at(12), A, Action.CATCH_UP, id="one after a gap"),
    ],
)
def test_a_change_set(theirs: LogPosition, prev_chain: bytes, action: Action) -> None:
    assert on_commit(MINE, theirs, prev_chain) is action


@pytest.mark.parametrize(
    ("theirs", "action"),
    [
        pytest.param(MINE, Action.NOTHING, id="equal to mine"),
        pytest.param(at(9), Action.NOTHING, id="behind mine"),
        pytest.param(at(11), Action.CATCH_UP, id="ahead of mine"),
        pytest.param(at(10), Action.CATCH_UP, id="my revision on another chain"),
        pytest.param(at(11, epoch=3), Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(11, epoch=1), Action.NOTHING, id="an older epoch"),
    ],
)
def test_a_heartbeat(theirs: LogPosition, action: Action) -> None:
    assert on_heartbeat(MINE, theirs) is action


@pytest.mark.parametrize(
    ("head", "compacted", "action"),
    [
        pytest.param(MINE, 0, Action.NOTHING, id="there already"),
        pytest.param(MINE, 11, Action.NOTHING, id="there already, though compacted since"),
        pytest.param(at(12), 0, Action.APPLY, id="a way forward"),
        pytest.param(
            at(12), 10, Action.APPLY, id="a way forward from the compacted revision itself"
        ),
        pytest.param(at(12), 11, Action.BOOTSTRAP, id="behind the compacted revision"),
        pytest.param(at(12, epoch=3), 0, Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(12, epoch=1), 0, Action.NOTHING, id="an older epoch, as a replica has"),
        pytest.param(at(9), 0, Action.NOTHING, id="ahead of the head, as of a replica's"),
        pytest.param(at(10), 0, Action.BUMP, id="beside the head"),
    ],
)
def test_catching_up_with_a_head(head: LogPosition, compacted: int, action: Action) -> None:
    assert on_head(MINE, head, compacted) is action
    if action is not Action.NOTHING:
        assert on_head(MINE, head, compacted, is_doubted=True) is action


@pytest.mark.parametrize(
    ("head", "row", "action"),
    [
        pytest.param(MINE, MINE, Action.NOTHING, id="it has what is held"),
        pytest.param(at(12), MINE, Action.APPLY, id="and leads on from it"),
        pytest.param(at(12), at(10), Action.BUMP, id="it has passed another of that revision"),
        pytest.param(
            at(12), at(10, A, epoch=1), Action.BUMP, id="it has passed one of another epoch"
        ),
        pytest.param(at(12), None, Action.APPLY, id="the row is not there: the next one tells"),
        pytest.param(
            at(12, epoch=3), at(10), Action.BOOTSTRAP, id="a newer epoch says that it lost it"
        ),
        pytest.param(at(9), None, Action.BUMP, id="ahead of the head"),
        pytest.param(at(12, epoch=1), at(10, epoch=1), Action.BUMP, id="of an older epoch"),
    ],
)
def test_catching_up_where_a_writer_does_not_know_what_is_held(
    head: LogPosition, row: LogPosition | None, action: Action
) -> None:
    """Positions are compared by chain: a history that lost a revision may have passed it since."""
    assert on_head(MINE, head, 0, row, is_doubted=True) is action


@pytest.mark.parametrize(
    ("wanted", "is_there"),
    [(at(11), True), (at(12), True), (MINE, False), (at(9), False), (at(11, epoch=3), False)],
)
def test_whether_change_sets_lead_to_a_head(wanted: LogPosition, *, is_there: bool) -> None:
    assert is_on_the_way(MINE, wanted) is is_there


@pytest.mark.parametrize(
    ("theirs", "is_first"),
    [
        *((at(9), False), (MINE, False), (at(10), False), (at(99, epoch=1), False)),
        *((at(11), True), (at(12), True), (at(1, epoch=3), True)),
    ],
)
def test_where_what_leads_on_begins_in_a_stream(theirs: LogPosition, *, is_first: bool) -> None:
    assert is_before(theirs, MINE) is not is_first


@pytest.mark.parametrize(
    ("term", "earlier"),
    [
        pytest.param(Term(100, 3), False, id="the same"),
        pytest.param(Term(101, 2), False, id="promoted later"),
        pytest.param(Term(99, 9), True, id="promoted before, however far its timeline"),
        pytest.param(Term(100, 2), True, id="promoted at once, on an earlier timeline"),
        pytest.param(Term(0, 1), True, id="never promoted"),
        pytest.param(Term(0, 0), False, id="it does not say"),
    ],
)
def test_whose_head_is_of_an_earlier_database(term: Term, *, earlier: bool) -> None:
    assert is_earlier(term, Term(100, 3)) is earlier
    assert not is_earlier(term, NO_TERM)


@pytest.mark.parametrize(
    ("row", "prev_chain", "is_reset", "action"),
    [
        pytest.param(at(11), A, False, Action.APPLY, id="the next row"),
        pytest.param(at(12), A, False, Action.BOOTSTRAP, id="a row is missing"),
        pytest.param(at(11), C, False, Action.BOOTSTRAP, id="of another chain"),
        pytest.param(at(11, epoch=3), A, False, Action.BOOTSTRAP, id="of another epoch"),
        pytest.param(at(11), A, True, Action.BOOTSTRAP, id="of kind reset"),
    ],
)
def test_catching_up_with_a_row(
    row: LogPosition, prev_chain: bytes, *, is_reset: bool, action: Action
) -> None:
    assert on_row(MINE, row, prev_chain, is_reset=is_reset) is action


@pytest.mark.parametrize(
    ("held", "found", "action"),
    [
        pytest.param(None, at(0), Action.APPLY, id="nothing is held"),
        pytest.param(MINE, MINE, Action.APPLY, id="the same again"),
        pytest.param(MINE, at(11), Action.APPLY, id="a newer one"),
        pytest.param(MINE, at(11, epoch=3), Action.APPLY, id="a newer one of a newer epoch"),
        pytest.param(MINE, at(9), Action.BUMP, id="an older one"),
        pytest.param(MINE, at(10), Action.BUMP, id="the same revision on another chain"),
        pytest.param(
            MINE, at(10, A, epoch=1), Action.BUMP, id="the same revision of an older epoch"
        ),
        pytest.param(MINE, at(9, epoch=3), Action.BUMP, id="an older one of a newer epoch"),
    ],
)
def test_a_snapshot_that_was_read(
    held: LogPosition | None, found: LogPosition, action: Action
) -> None:
    assert on_snapshot(held, found) is action


def test_only_what_continues_my_chain_is_ever_applied() -> None:
    everything = [LogPosition(*p) for p in itertools.product((1, 2, 3), (9, 10, 11, 12), (A, B, C))]
    for theirs, prev_chain in itertools.product(everything, (A, B, C)):
        expected = (theirs.epoch, theirs.revision, prev_chain) == (2, 11, A)
        assert (on_commit(MINE, theirs, prev_chain) is Action.APPLY) == expected
        applied = on_row(MINE, theirs, prev_chain, is_reset=False) is Action.APPLY
        assert applied == expected
        for decide in (on_reset, on_heartbeat):
            assert decide(MINE, theirs) is not Action.APPLY


@pytest.mark.parametrize(
    ("head", "was_behind", "action"),
    [
        pytest.param(MINE, False, Action.NOTHING, id="what is held"),
        pytest.param(at(11), False, Action.NOTHING, id="ahead, perhaps on its way"),
        pytest.param(at(11), True, Action.CATCH_UP, id="ahead, for the second time"),
        pytest.param(at(11, epoch=3), False, Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(10), False, Action.MARK_STALE, id="the same revision on another chain"),
        pytest.param(at(9), False, Action.MARK_STALE, id="behind what is held"),
        pytest.param(at(12, epoch=1), False, Action.MARK_STALE, id="an older epoch"),
    ],
)
def test_an_answer_to_a_probe(head: LogPosition, *, was_behind: bool, action: Action) -> None:
    assert on_probe(MINE, MINE, head, was_behind=was_behind) is action


@pytest.mark.parametrize(
    ("head", "action"),
    [
        pytest.param(at(8, C), Action.NOTHING, id="what was held when it was asked for"),
        pytest.param(at(9, C), Action.NOTHING, id="what was committed and handled meanwhile"),
        pytest.param(at(8, B), Action.MARK_STALE, id="what was held then, on another chain"),
        pytest.param(at(7, C), Action.MARK_STALE, id="behind what was held then"),
        pytest.param(at(11), Action.NOTHING, id="ahead of both"),
    ],
)
def test_an_answer_that_the_stream_has_overtaken(head: LogPosition, action: Action) -> None:
    """The head was read, then two change sets came: no reason to doubt them."""
    assert on_probe(at(8, C), MINE, head, was_behind=False) is action


def test_a_message_is_judged_by_what_it_is() -> None:
    head = replication_pb2.Head(epoch=2, revision=11, chain=B)
    commit = replication_pb2.Commit(prev_chain=A)
    reset, beat = replication_pb2.Reset(), replication_pb2.Heartbeat()
    message = partial(replication_pb2.StreamMessage, head=head)
    assert on_message(MINE, message(commit=commit)) is Action.APPLY
    assert on_message(MINE, message(reset=reset)) is Action.CATCH_UP
    assert on_message(MINE, message(heartbeat=beat)) is Action.CATCH_UP
    assert (
        on_message(MINE._replace(revision=11, chain=B), message(heartbeat=beat)) is Action.NOTHING
    )
    with pytest.raises(UnknownMessage):
        on_message(MINE, message())


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
    ("found", "onward"),
    [
        pytest.param(head_at(11, B), True, id="newer"),
        pytest.param(head_at(11, B, epoch=3), True, id="of a newer epoch"),
        pytest.param(HELD, False, id="the same: nothing is gained by it"),
        pytest.param(head_at(9, B), False, id="older"),
        pytest.param(head_at(10, B), False, id="beside it"),
        pytest.param(head_at(9, B, epoch=3), False, id="older of a newer epoch"),
        pytest.param(head_at(11, B, of=b"s"), False, id="another registry's"),
    ],
)
def test_an_image_that_leads_on_from_what_is_served(found: Head, *, onward: bool) -> None:
    assert is_onward(HELD, found) is onward
    assert is_onward(None, found)


class Candidate(NamedTuple):
    head: Head


def test_of_what_may_be_loaded_the_newer_is_tried_first() -> None:
    old, new, twin = (Candidate(head_at(*at)) for at in ((10, A), (12, B), (12, B)))
    assert bootstrap_candidates(None, old, new) == [new, old]
    assert bootstrap_candidates(None, new, old) == [new, old]
    assert bootstrap_candidates(HELD, old, new) == bootstrap_candidates(HELD, None, new) == [new]
    assert bootstrap_candidates(HELD, new, old) == bootstrap_candidates(HELD, new, None) == [new]
    assert (
        bootstrap_candidates(head_at(12, B), old, new)
        == bootstrap_candidates(None, None, None)
        == []
    )
    assert bootstrap_candidates(new.head, new, twin, required_registry_id=b"another") == []
    assert bootstrap_candidates(
        head_at(12, B), old, None, required_registry_id=old.head.registry_id
    ) == [old]
    (first, second) = bootstrap_candidates(None, new, twin)
    assert (first is new, second is twin) == (True, True)


def test_an_image_that_goes_back_in_revision_does_not_come_before_the_file() -> None:
    """Three commits were lost that nobody but this resolver saw; the new epoch has two."""
    kept, published = Candidate(head_at(3, A, epoch=1)), Candidate(head_at(2, B, epoch=2))
    assert bootstrap_candidates(None, kept, published) == [kept, published]
