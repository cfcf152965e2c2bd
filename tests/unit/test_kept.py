"""A last good file's bytes: read back whole, or as far as they prove what they say."""

from __future__ import annotations

import pytest
from cqc.replication.v1 import replication_pb2
from hypothesis import given
from hypothesis import strategies as st

from resolver import kept
from resolver.snapshot import Diverged
from shared import history, image
from shared.stream_mark import StreamMark

MARK = StreamMark("monday", 3, 8)
LATER = StreamMark("monday", 3, 12)
KIND = "nothing known here"


def a_head(revision: int, chain: bytes, entities: dict[str, bytes]) -> replication_pb2.Head:
    total = sum(history.hash_of(KIND, key, payload) for key, payload in entities.items())
    return replication_pb2.Head(
        registry_id=b"r",
        epoch=1,
        revision=revision,
        chain=chain,
        live_count=len(entities),
        set_hash=history.set_hash_bytes(total),
    )


def a_commit(before: replication_pb2.Head, revision: int) -> replication_pb2.StreamMessage:
    """Revision n sets key n, from nothing."""
    change_set = replication_pb2.ChangeSet(epoch=1, revision=revision)
    change_set.changes.add(kind=KIND, key=str(revision), entity=b"x" * 40)
    packed = history.pack(change_set.SerializeToString())
    chain = history.chain_of(before.chain, 1, revision, packed)
    entities = {str(number): b"x" * 40 for number in range(1, revision + 1)}
    commit = replication_pb2.Commit(prev_chain=before.chain, change_set=packed)
    return replication_pb2.StreamMessage(head=a_head(revision, chain, entities), commit=commit)


BEGIN = a_commit(a_head(0, b"\0" * 32, {}), 1).head
IMAGE = b"".join(kept.image_parts(BEGIN, [(KIND, "1", b"x" * 40)], MARK))
SECOND = a_commit(BEGIN, 2)
THIRD = a_commit(SECOND.head, 3)
PARTS = (kept.since_part([SECOND], LATER), kept.since_part([THIRD], None))
FILE = IMAGE + b"".join(PARTS)


def test_a_file_is_read_back_with_what_was_appended() -> None:
    found = kept.read(IMAGE)
    assert (found.head, found.mark) == (BEGIN, MARK)
    assert found.snapshot().get(KIND, "1") == b"x" * 40
    found = kept.read(IMAGE + PARTS[0])
    assert (found.head, found.mark) == (SECOND.head, LATER)
    found = kept.read(FILE)
    assert (found.head, found.mark) == (THIRD.head, None)
    assert found.goes_on
    assert found.snapshot().counts == {KIND: 3}
    assert found.snapshot().set_hash == THIRD.head.set_hash


@given(size=st.integers(0, len(FILE) - 1))
def test_of_a_torn_file_what_is_whole_counts_and_nothing_else(size: int) -> None:
    wholes = (len(IMAGE), len(IMAGE + PARTS[0]))
    if size < wholes[0]:
        with pytest.raises(image.Damaged):
            kept.read(FILE[:size]).snapshot()
        return
    expected = BEGIN if size < wholes[1] else SECOND.head
    found = kept.read(FILE[:size])
    assert found.snapshot().head == expected
    assert found.goes_on == (size in wholes), "what is appended behind a torn end is never read"


@given(at=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_believed(at: int, bit: int) -> None:
    spoilt = FILE[:at] + bytes([FILE[at] ^ 1 << bit]) + FILE[at + 1 :]
    try:
        found = kept.read(spoilt).snapshot()
    except image.Damaged:
        assert at < len(IMAGE)
        return
    assert found.head == (BEGIN if at < len(IMAGE + PARTS[0]) else SECOND.head)
    assert at >= len(IMAGE)


@pytest.mark.parametrize("since", [[], [THIRD], [SECOND, SECOND]], ids=["none", "gap", "twice"])
def test_what_does_not_follow_is_left_out(since: list[replication_pb2.StreamMessage]) -> None:
    assert kept.read(IMAGE + kept.since_part(since, LATER)).head == BEGIN


def test_an_image_of_another_head_is_none() -> None:
    other = b"".join(kept.image_parts(SECOND.head, [(KIND, "1", b"x" * 40)], MARK))
    with pytest.raises(image.Damaged) as raised:
        kept.read(other).snapshot()
    assert isinstance(raised.value.__cause__, Diverged)
