"""A last good file's bytes: read back whole, or as far as they prove what they say."""

from __future__ import annotations

import pytest
from cqc.replication.v1 import replication_pb2
from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.snapshot.snapshot import Diverged
from cqar_shared.redis_store.refused_values import REFUSED
from cqar_shared.replication import frames, image, positions
from cqar_shared.replication.positions import StreamMark
from cqar_shared.trust.seals import TAG_BYTES, Keyring
from tests.support.integrity_keys import FILES, KEY, OTHER_KEY

MARK = StreamMark("monday", 3, 8)
LATER = StreamMark("monday", 3, 12)
KIND = "nothing known here"


def a_head(revision: int, chain: bytes, entities: dict[str, bytes]) -> replication_pb2.Head:
    total = sum(positions.hash_of(KIND, key, payload) for key, payload in entities.items())
    return replication_pb2.Head(
        registry_id=b"r",
        epoch=1,
        revision=revision,
        chain=chain,
        live_count=len(entities),
        set_hash=positions.set_hash_bytes(total),
    )


def a_commit(before: replication_pb2.Head, revision: int) -> replication_pb2.StreamMessage:
    """Revision n sets key n, from nothing."""
    change_set = replication_pb2.ChangeSet(epoch=1, revision=revision)
    change_set.changes.add(kind=KIND, key=str(revision), entity=b"x" * 40)
    packed = positions.pack(change_set.SerializeToString())
    chain = positions.chain_of(before.chain, 1, revision, packed)
    entities = {str(number): b"x" * 40 for number in range(1, revision + 1)}
    commit = replication_pb2.Commit(prev_chain=before.chain, change_set=packed)
    return replication_pb2.StreamMessage(head=a_head(revision, chain, entities), commit=commit)


BEGIN = a_commit(a_head(0, b"\0" * 32, {}), 1).head


def read(data: bytes) -> checkpoint_format.Checkpoint:
    return checkpoint_format.read(data, FILES)


def an_image(head: replication_pb2.Head, publication: str = "this one") -> bytes:
    parts = checkpoint_format.image_parts(head, [(KIND, "1", b"x" * 40)], MARK, FILES, publication)
    return b"".join(parts)


def tag_of_image(data: bytes) -> bytes:
    return read(data).tag


IMAGE = an_image(BEGIN)
SECOND = a_commit(BEGIN, 2)
THIRD = a_commit(SECOND.head, 3)
_FIRST = checkpoint_format.since_part([SECOND], LATER, FILES, tag_of_image(IMAGE))
PARTS = (
    _FIRST,
    checkpoint_format.since_part([THIRD], None, FILES, checkpoint_format.tag_of(_FIRST)),
)
FILE = IMAGE + b"".join(PARTS)


def test_a_file_is_read_back_with_what_was_appended() -> None:
    found = read(IMAGE)
    assert (found.head, found.mark) == (BEGIN, MARK)
    assert found.snapshot().get(KIND, "1") == b"x" * 40
    found = read(IMAGE + PARTS[0])
    assert (found.head, found.mark) == (SECOND.head, LATER)
    found = read(FILE)
    assert (found.head, found.mark) == (THIRD.head, None)
    assert found.appendable
    assert found.snapshot().counts == {KIND: 3}
    assert found.snapshot().set_hash == THIRD.head.set_hash


@given(size=st.integers(0, len(FILE) - 1))
def test_of_a_torn_file_what_is_whole_counts_and_nothing_else(size: int) -> None:
    wholes = (len(IMAGE), len(IMAGE + PARTS[0]))
    if size < wholes[0]:
        with pytest.raises(image.DamagedImage):
            read(FILE[:size]).snapshot()
        return
    expected = BEGIN if size < wholes[1] else SECOND.head
    found = read(FILE[:size])
    assert found.snapshot().head == expected
    assert found.appendable == (size in wholes), "what is appended behind a torn end is never read"


@given(at=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_believed(at: int, bit: int) -> None:
    spoilt = FILE[:at] + bytes([FILE[at] ^ 1 << bit]) + FILE[at + 1 :]
    try:
        found = read(spoilt).snapshot()
    except image.DamagedImage:
        assert at < len(IMAGE)
        return
    assert found.head == (BEGIN if at < len(IMAGE + PARTS[0]) else SECOND.head)
    assert at >= len(IMAGE)


@pytest.mark.parametrize("since", [[], [THIRD], [SECOND, SECOND]], ids=["none", "gap", "twice"])
def test_what_does_not_follow_is_left_out(since: list[replication_pb2.StreamMessage]) -> None:
    assert (
        read(IMAGE + checkpoint_format.since_part(since, LATER, FILES, tag_of_image(IMAGE))).head
        == BEGIN
    )


def test_an_image_of_another_head_is_none() -> None:
    other = an_image(SECOND.head)
    with pytest.raises(image.DamagedImage) as raised:
        read(other).snapshot()
    assert isinstance(raised.value.__cause__, Diverged)


# ---------------------------------------------------------------- forged

OTHERS = Keyring.parse(OTHER_KEY).seals("last good")
OTHER_IMAGE = an_image(BEGIN, "that one")


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (IMAGE + PARTS[1], BEGIN),
        (IMAGE + PARTS[1] + PARTS[0], BEGIN),
        (IMAGE + PARTS[0] + PARTS[0] + PARTS[1], SECOND.head),
        (OTHER_IMAGE + PARTS[0], BEGIN),
        (IMAGE + checkpoint_format.since_part([SECOND], LATER, OTHERS, tag_of_image(IMAGE)), BEGIN),
        (IMAGE + frames.frame(b"without a tag"), BEGIN),
    ],
    ids=["one is missing", "reordered", "twice", "another file's", "another key's", "no tag"],
)
def test_a_part_that_is_not_where_it_was_written_is_left_out(
    data: bytes, head: replication_pb2.Head
) -> None:
    found = read(data)
    assert found.head == head
    assert not found.appendable, "what is appended behind it is never read"


def test_a_part_that_is_left_out_is_counted_and_a_torn_one_is_not() -> None:
    before = REFUSED.labels("file")._value.get()
    read(IMAGE + PARTS[1])
    assert REFUSED.labels("file")._value.get() == before + 1
    for torn in (PARTS[0][:-1], PARTS[0][: -TAG_BYTES - 8], bytes(len(PARTS[0]))):
        found = read(IMAGE + torn)
        assert found.head == BEGIN
        assert not found.appendable
    assert REFUSED.labels("file")._value.get() == before + 1


def test_an_image_under_another_key_is_none() -> None:
    with pytest.raises(image.ForgedImage):
        checkpoint_format.read(IMAGE, OTHERS)


def test_a_chunk_that_another_wrote_in_its_place_is_found() -> None:
    """With its length and checksum right, and its head's count and hash too."""
    manifest, tag, _ = frames.payloads(IMAGE[len(checkpoint_format._MAGIC) :])
    (chunk,) = image.chunks_of([(KIND, "1", b"y" * 40)])
    forged = checkpoint_format._MAGIC + b"".join(map(frames.frame, (manifest, tag, chunk)))
    with pytest.raises(image.ForgedImage):
        read(forged).snapshot()


def test_a_manifest_that_another_wrote_is_none() -> None:
    parts = list(
        checkpoint_format.image_parts(BEGIN, [(KIND, "1", b"y" * 40)], MARK, OTHERS, "his")
    )
    _, tag, _ = frames.payloads(IMAGE[len(checkpoint_format._MAGIC) :])
    manifest = next(frames.payloads(parts[1]))
    forged = [parts[0], frames.frame(manifest), frames.frame(tag), *parts[2:]]
    for data in (b"".join(parts), b"".join(forged)):
        with pytest.raises(image.ForgedImage):
            read(data)


def test_while_the_key_is_rotated_a_file_under_either_is_read_and_appended_to() -> None:
    both = Keyring.parse(f"{OTHER_KEY}\n{KEY}").seals("last good")
    found = checkpoint_format.read(IMAGE + PARTS[0], both)
    assert found.head == SECOND.head
    more = checkpoint_format.since_part([THIRD], None, both, found.tag)
    assert checkpoint_format.read(IMAGE + PARTS[0] + more, both).head == THIRD.head
