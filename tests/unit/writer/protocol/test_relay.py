"""Every row of the relay's decision table in protocol.md, and that the rows leave no gap."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from cqc.replication.v1 import replication_pb2

from cqar_shared.replication.positions import LogPosition
from cqar_writer.protocol.relay import NextRow, RelayAction, decide, parse_tail, plan

A, B, C = b"a" * 32, b"b" * 32, b"c" * 32
HEAD = LogPosition(2, 10, A)
FOLLOWS = NextRow(prev_chain=B, is_reset=False)


def tail(revision: int, chain: bytes = B, epoch: int = 2) -> LogPosition:
    return LogPosition(epoch, revision, chain)


ROWS = [
    ("an empty stream is reset", None, 0, None, RelayAction.RESET),
    ("the head itself needs nothing", HEAD, 0, None, RelayAction.REST),
    ("an older epoch is reset", tail(9, epoch=1), 0, FOLLOWS, RelayAction.RESET),
    ("a newer epoch of older revision is reset", tail(9, epoch=3), 0, FOLLOWS, RelayAction.RESET),
    (
        "an older epoch as far as the head was lost too",
        tail(10, epoch=1),
        0,
        None,
        RelayAction.BUMP,
    ),
    ("an older epoch beyond the head was lost too", tail(11, epoch=1), 0, None, RelayAction.BUMP),
    ("a newer epoch as far as the head was lost", tail(10, epoch=3), 0, None, RelayAction.BUMP),
    ("a newer epoch beyond the head was lost", tail(12, epoch=3), 0, None, RelayAction.BUMP),
    ("the same chain in another epoch was lost", tail(10, A, epoch=3), 0, None, RelayAction.BUMP),
    ("a tail beyond the head means lost commits", tail(11), 0, None, RelayAction.BUMP),
    ("lost commits stand above compaction", tail(11), 12, None, RelayAction.BUMP),
    ("a tail before the compacted revision is reset", tail(4), 5, FOLLOWS, RelayAction.RESET),
    ("a tail at the compacted revision is followed", tail(5), 5, FOLLOWS, RelayAction.PUBLISH),
    ("the head's revision on another chain is a fork", tail(10), 0, None, RelayAction.BUMP),
    ("a missing row is reset", tail(5), 0, None, RelayAction.RESET),
    ("a row of kind reset is reset", tail(5), 0, NextRow(B, is_reset=True), RelayAction.RESET),
    ("a row on another chain is a fork", tail(5), 0, NextRow(C, is_reset=False), RelayAction.BUMP),
    ("a row that follows is published", tail(9), 0, FOLLOWS, RelayAction.PUBLISH),
]


@pytest.mark.parametrize(
    ("position", "compacted", "row", "action"),
    [case[1:] for case in ROWS],
    ids=[case[0] for case in ROWS],
)
def test_the_table_says(
    position: LogPosition | None, compacted: int, row: NextRow | None, action: RelayAction
) -> None:
    assert decide(HEAD, compacted, position, row) is action


def test_nothing_is_published_but_a_row_that_continues_the_tail() -> None:
    """Whatever is seen: PUBLISH only of a row on the tail's own chain and epoch, below the head."""
    tails = [
        None,
        *(LogPosition(*p) for p in itertools.product((1, 2, 3), (8, 9, 10, 11), (A, B))),
    ]
    rows = [None, *(NextRow(c, is_reset=r) for c in (A, B, C) for r in (True, False))]
    for position, compacted, row in itertools.product(tails, (0, 9, 10), rows):
        action = decide(HEAD, compacted, position, row)
        if action is RelayAction.PUBLISH:
            assert position is not None
            assert row is not None
            assert not row.is_reset
            assert row.prev_chain == position.chain
            assert position.epoch == HEAD.epoch
            assert compacted <= position.revision < HEAD.revision
        if action is RelayAction.REST:
            assert position == HEAD
        if position is None:
            assert action is RelayAction.RESET


class Row(NamedTuple):
    epoch: int
    revision: int
    chain: bytes
    prev_chain: bytes
    is_reset: bool = False


def test_a_batch_is_published_row_by_row_until_the_head() -> None:
    rows = [Row(2, 9, C, B), Row(2, 10, A, C)]
    steps = list(plan(HEAD, 0, tail(8), rows, is_full=False))
    assert steps == [
        (RelayAction.PUBLISH, rows[0]),
        (RelayAction.PUBLISH, rows[1]),
        (RelayAction.REST, None),
    ]


def test_nothing_is_decided_on_a_row_that_may_come_with_the_next_batch() -> None:
    rows = [Row(2, 8, C, B)]
    assert list(plan(HEAD, 0, tail(7), rows, is_full=True)) == [(RelayAction.PUBLISH, rows[0])]
    # Of the same rows as all there is: the ninth is missing.
    assert list(plan(HEAD, 0, tail(7), rows, is_full=False))[1:] == [(RelayAction.RESET, None)]


def test_a_batch_ends_where_its_rows_do_not_continue() -> None:
    for row, action in (
        (Row(2, 9, C, C), RelayAction.BUMP),
        (Row(2, 9, C, B, is_reset=True), RelayAction.RESET),
        (Row(2, 10, A, C), RelayAction.RESET),
    ):
        assert list(plan(HEAD, 0, tail(8), [row, row], is_full=True)) == [(action, None)]


@pytest.mark.parametrize(
    "newest",
    [
        pytest.param(None, id="none"),
        pytest.param(b"", id="an empty one"),
        pytest.param(b"\xff" * 8, id="one that cannot be decoded"),
        pytest.param(replication_pb2.StreamMessage().SerializeToString(), id="one of nobody"),
    ],
)
def test_a_newest_message_that_is_no_relays_leads_nowhere(newest: bytes | None) -> None:
    assert parse_tail(newest) is None


def test_the_newest_message_says_where_the_stream_leads() -> None:
    head = replication_pb2.Head(registry_id=b"r", epoch=2, revision=9, chain=B)
    for body in ("commit", "reset", "heartbeat"):
        message = replication_pb2.StreamMessage(head=head)
        getattr(message, body).SetInParent()
        assert parse_tail(message.SerializeToString()) == head
