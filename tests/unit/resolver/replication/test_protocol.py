"""Every row of the resolver's decision tables in protocol.md, as findings.md corrects them."""

from __future__ import annotations

import itertools
from functools import partial

import pytest
from cqc.replication.v1 import replication_pb2

from cqar_resolver.replication.protocol import (
    Action,
    UnknownMessage,
    is_before,
    is_earlier,
    is_on_the_way,
    on_commit,
    on_head,
    on_heartbeat,
    on_message,
    on_probe,
    on_reset,
    on_row,
    on_snapshot,
)
from cqar_shared.replication.positions import NO_TERM, LogPosition, Term

A, B, C = b"a" * 32, b"b" * 32, b"c" * 32
LOCAL = LogPosition(2, 10, A)


def at(revision: int, chain: bytes = B, epoch: int = 2) -> LogPosition:
    return LogPosition(epoch, revision, chain)


@pytest.mark.parametrize(
    ("remote", "action"),
    [
        pytest.param(LOCAL, Action.NOTHING, id="equal to the local one"),
        pytest.param(at(99, epoch=1), Action.NOTHING, id="an older epoch"),
        pytest.param(at(9), Action.NOTHING, id="my epoch, older revision"),
        pytest.param(at(11), Action.CATCH_UP, id="my epoch, newer revision"),
        pytest.param(at(10), Action.BOOTSTRAP, id="my revision on another chain"),
        pytest.param(at(11, epoch=3), Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(10, A, epoch=3), Action.BOOTSTRAP, id="my chain in a newer epoch"),
    ],
)
def test_a_reset(remote: LogPosition, action: Action) -> None:
    assert on_reset(LOCAL, remote) is action


@pytest.mark.parametrize(
    ("remote", "prev_chain", "action"),
    [
        pytest.param(at(11, epoch=3), A, Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(11, epoch=1), A, Action.NOTHING, id="an older epoch"),
        pytest.param(at(10), C, Action.CATCH_UP, id="my revision on another chain"),
        pytest.param(LOCAL, C, Action.NOTHING, id="my own revision again"),
        pytest.param(at(9), C, Action.NOTHING, id="an older revision again"),
        pytest.param(at(11), A, Action.APPLY, id="the next one on my chain"),
        pytest.param(at(11), C, Action.CATCH_UP, id="the next one on another chain"),
        pytest.param(at(12), A, Action.CATCH_UP, id="one after a gap"),
    ],
)
def test_a_change_set(remote: LogPosition, prev_chain: bytes, action: Action) -> None:
    assert on_commit(LOCAL, remote, prev_chain) is action


@pytest.mark.parametrize(
    ("remote", "action"),
    [
        pytest.param(LOCAL, Action.NOTHING, id="equal to the local one"),
        pytest.param(at(9), Action.NOTHING, id="behind the local one"),
        pytest.param(at(11), Action.CATCH_UP, id="ahead of the local one"),
        pytest.param(at(10), Action.CATCH_UP, id="my revision on another chain"),
        pytest.param(at(11, epoch=3), Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(11, epoch=1), Action.NOTHING, id="an older epoch"),
    ],
)
def test_a_heartbeat(remote: LogPosition, action: Action) -> None:
    assert on_heartbeat(LOCAL, remote) is action


@pytest.mark.parametrize(
    ("head", "compacted", "action"),
    [
        pytest.param(LOCAL, 0, Action.NOTHING, id="there already"),
        pytest.param(LOCAL, 11, Action.NOTHING, id="there already, though compacted since"),
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
    assert on_head(LOCAL, head, compacted) is action
    if action is not Action.NOTHING:
        assert on_head(LOCAL, head, compacted, is_doubted=True) is action


@pytest.mark.parametrize(
    ("head", "row", "action"),
    [
        pytest.param(LOCAL, LOCAL, Action.NOTHING, id="it has what is held"),
        pytest.param(at(12), LOCAL, Action.APPLY, id="and leads on from it"),
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
    assert on_head(LOCAL, head, 0, row, is_doubted=True) is action


@pytest.mark.parametrize(
    ("wanted", "is_there"),
    [(at(11), True), (at(12), True), (LOCAL, False), (at(9), False), (at(11, epoch=3), False)],
)
def test_whether_change_sets_lead_to_a_head(wanted: LogPosition, *, is_there: bool) -> None:
    assert is_on_the_way(LOCAL, wanted) is is_there


@pytest.mark.parametrize(
    ("remote", "is_first"),
    [
        *((at(9), False), (LOCAL, False), (at(10), False), (at(99, epoch=1), False)),
        *((at(11), True), (at(12), True), (at(1, epoch=3), True)),
    ],
)
def test_where_what_leads_on_begins_in_a_stream(remote: LogPosition, *, is_first: bool) -> None:
    assert is_before(remote, LOCAL) is not is_first


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
    assert on_row(LOCAL, row, prev_chain, is_reset=is_reset) is action


@pytest.mark.parametrize(
    ("held", "found", "action"),
    [
        pytest.param(None, at(0), Action.APPLY, id="nothing is held"),
        pytest.param(LOCAL, LOCAL, Action.APPLY, id="the same again"),
        pytest.param(LOCAL, at(11), Action.APPLY, id="a newer one"),
        pytest.param(LOCAL, at(11, epoch=3), Action.APPLY, id="a newer one of a newer epoch"),
        pytest.param(LOCAL, at(9), Action.BUMP, id="an older one"),
        pytest.param(LOCAL, at(10), Action.BUMP, id="the same revision on another chain"),
        pytest.param(
            LOCAL, at(10, A, epoch=1), Action.BUMP, id="the same revision of an older epoch"
        ),
        pytest.param(LOCAL, at(9, epoch=3), Action.BUMP, id="an older one of a newer epoch"),
    ],
)
def test_a_snapshot_that_was_read(
    held: LogPosition | None, found: LogPosition, action: Action
) -> None:
    assert on_snapshot(held, found) is action


def test_only_what_continues_the_local_chain_is_ever_applied() -> None:
    everything = [LogPosition(*p) for p in itertools.product((1, 2, 3), (9, 10, 11, 12), (A, B, C))]
    for remote, prev_chain in itertools.product(everything, (A, B, C)):
        expected = (remote.epoch, remote.revision, prev_chain) == (2, 11, A)
        assert (on_commit(LOCAL, remote, prev_chain) is Action.APPLY) == expected
        applied = on_row(LOCAL, remote, prev_chain, is_reset=False) is Action.APPLY
        assert applied == expected
        for decide in (on_reset, on_heartbeat):
            assert decide(LOCAL, remote) is not Action.APPLY


@pytest.mark.parametrize(
    ("head", "was_behind", "action"),
    [
        pytest.param(LOCAL, False, Action.NOTHING, id="what is held"),
        pytest.param(at(11), False, Action.NOTHING, id="ahead, perhaps on its way"),
        pytest.param(at(11), True, Action.CATCH_UP, id="ahead, for the second time"),
        pytest.param(at(11, epoch=3), False, Action.BOOTSTRAP, id="a newer epoch"),
        pytest.param(at(10), False, Action.MARK_STALE, id="the same revision on another chain"),
        pytest.param(at(9), False, Action.MARK_STALE, id="behind what is held"),
        pytest.param(at(12, epoch=1), False, Action.MARK_STALE, id="an older epoch"),
    ],
)
def test_an_answer_to_a_probe(head: LogPosition, *, was_behind: bool, action: Action) -> None:
    assert on_probe(LOCAL, LOCAL, head, was_behind=was_behind) is action


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
    assert on_probe(at(8, C), LOCAL, head, was_behind=False) is action


def test_a_message_is_judged_by_what_it_is() -> None:
    head = replication_pb2.Head(epoch=2, revision=11, chain=B)
    commit = replication_pb2.Commit(prev_chain=A)
    reset, beat = replication_pb2.Reset(), replication_pb2.Heartbeat()
    message = partial(replication_pb2.StreamMessage, head=head)
    assert on_message(LOCAL, message(commit=commit)) is Action.APPLY
    assert on_message(LOCAL, message(reset=reset)) is Action.CATCH_UP
    assert on_message(LOCAL, message(heartbeat=beat)) is Action.CATCH_UP
    assert (
        on_message(LOCAL._replace(revision=11, chain=B), message(heartbeat=beat)) is Action.NOTHING
    )
    with pytest.raises(UnknownMessage):
        on_message(LOCAL, message())
