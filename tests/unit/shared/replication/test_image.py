"""The bytes of an image and of a last good file: what is torn or flipped is never believed."""

from __future__ import annotations

import datetime as dt
import os
import signal
from pathlib import Path
from typing import Final

import pytest
from cqc.replication.v1 import replication_pb2
from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_shared.replication import frames, image, positions
from cqar_shared.replication.positions import StreamMark
from cqar_writer.protocol.image_schedule import APART, REVISIONS_APART, is_due
from tests.support.change_set_builders import State, advanced, change_set, head_of
from tests.support.integrity_keys import KEYRING

NOW: Final = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
MARK: Final = StreamMark("2026-11-24", 1, 7)
STATE: Final[State] = {("borrow_rate", f"k{n}"): b"x" * n for n in range(30)}
ENTITIES: Final = [(*ref, payload) for ref, payload in STATE.items()]
FIRST: Final = head_of(STATE, 1)
ADDED: Final[State] = {("borrow_rate", "new"): b"y"}


def next_commit(before: replication_pb2.Head) -> replication_pb2.StreamMessage:
    """A commit that adds an entity of a kind of a later release."""
    revision = before.revision + 1
    packed = positions.pack(change_set(ADDED, revision).SerializeToString())
    chain = positions.chain_of(before.chain, 1, revision, packed)
    head = head_of(advanced(STATE, ADDED), revision, chain=chain)
    commit = replication_pb2.Commit(prev_chain=before.chain, change_set=packed)
    return replication_pb2.StreamMessage(head=head, commit=commit)


COMMIT: Final = next_commit(FIRST)


# ---------------------------------------------------------------- frames and chunks


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_what_is_framed_is_read_back(payloads: list[bytes]) -> None:
    assert list(frames.payloads(b"".join(map(frames.frame, payloads)))) == payloads


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_frame_that_is_cut_or_flipped_is_torn(payload: bytes, data: st.DataObject) -> None:
    whole = frames.frame(payload)
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    flipped = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    for spoilt in (cut, flipped):
        with pytest.raises(frames.TornFrame):
            list(frames.payloads(spoilt))


@given(st.lists(st.binary(max_size=image.CHUNK_BYTES // 2), max_size=6))
def test_entities_come_back_from_their_chunks(payloads: list[bytes]) -> None:
    entities = [("kind", str(number), payload) for number, payload in enumerate(payloads)]
    chunks = list(image.chunks_of(entities))
    manifest = replication_pb2.Image(chunk_hashes=map(image.hash_of_chunk, chunks))
    assert list(image.entities_of(manifest, chunks)) == entities


def test_a_chunk_that_is_missing_or_another_is_damage() -> None:
    chunks = list(image.chunks_of(ENTITIES))
    manifest = replication_pb2.Image(chunk_hashes=map(image.hash_of_chunk, chunks))
    for wrong in ([], [b"another"], [*chunks, *chunks]):
        with pytest.raises(image.DamagedImage):
            list(image.entities_of(manifest, wrong))


# ---------------------------------------------------------------- the file


@pytest.fixture
def file(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / "last-good", KEYRING)


def test_no_file_is_no_state(file: CheckpointFile) -> None:
    assert file.read() is None


def test_the_file_leads_to_what_was_served_last(file: CheckpointFile) -> None:
    file.begin(FIRST, ENTITIES, None)
    file.append([COMMIT], MARK)
    kept = file.read()
    assert kept is not None
    assert (kept.head, kept.mark) == (COMMIT.head, MARK)
    assert kept.snapshot().get("borrow_rate", "new") == b"y"


def test_a_new_image_takes_the_files_place_at_once_and_leaves_nothing_beside(
    file: CheckpointFile,
) -> None:
    file.begin(FIRST, ENTITIES, MARK)
    file.begin(COMMIT.head, [*ENTITIES, ("borrow_rate", "new", b"y")], MARK)
    kept = file.read()
    assert kept is not None
    assert (kept.head, kept.since) == (COMMIT.head, [])
    assert [path.name for path in file.path.parent.iterdir()] == ["last-good"]


def killed_while_writing(file: CheckpointFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another life of the process that has the file, which ends before its image is whole."""
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        file.begin(FIRST, ENTITIES, None)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_what_killed_processes_left_half_written_does_not_pile_up(
    file: CheckpointFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        killed_while_writing(file, monkeypatch)
    file.begin(FIRST, ENTITIES, MARK)
    assert [path.name for path in file.path.parent.iterdir()] == ["last-good"]
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_whatever_byte_is_cut_or_flipped_what_is_read_was_once_committed(
    file: CheckpointFile,
) -> None:
    file.begin(FIRST, ENTITIES, None)
    file.append([COMMIT], MARK)
    whole = file.path.read_bytes()
    seen: set[int] = set()
    for at in range(len(whole)):
        for spoilt in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]):
            file.path.write_bytes(spoilt)
            try:
                kept = file.read()
                assert kept is not None
                snapshot = kept.snapshot()
            except image.DamagedImage:
                seen.add(0)
                continue
            assert snapshot.head in (FIRST, COMMIT.head)
            assert snapshot.head == kept.head
            seen.add(snapshot.head.revision)
    # Never the second: every byte of what was appended counts.
    assert seen == {0, 1}


def test_what_was_appended_by_another_history_is_left_out(file: CheckpointFile) -> None:
    file.begin(FIRST, ENTITIES, None)
    other = next_commit(head_of(STATE, 1, chain=b"d" * 32))
    file.append([other], None)
    kept = file.read()
    assert kept is not None
    assert kept.head == FIRST


def test_nothing_is_appended_where_the_file_is_gone(file: CheckpointFile) -> None:
    with pytest.raises(FileNotFoundError):
        file.append([COMMIT], None)
    assert not file.path.exists()


# ---------------------------------------------------------------- when an image is due


def published(revision: int, epoch: int = 1, registry: bytes = b"r" * 16) -> replication_pb2.Image:
    head = replication_pb2.Head(registry_id=registry, epoch=epoch, revision=revision)
    found = replication_pb2.Image(head=head)
    found.made_at.FromDatetime(NOW)
    return found


def at(revision: int, epoch: int = 1) -> replication_pb2.Head:
    return replication_pb2.Head(registry_id=b"r" * 16, epoch=epoch, revision=revision)


@pytest.mark.parametrize(
    ("found", "head", "age", "due"),
    [
        (None, at(1), dt.timedelta(), True),
        (published(5), at(5), APART * 2, False),
        (published(5), at(6), dt.timedelta(), False),
        (published(5), at(6), APART, True),
        (published(5), at(6), -APART, True),
        (published(5), at(5 + REVISIONS_APART), dt.timedelta(), True),
        (published(5), at(6, epoch=2), dt.timedelta(), True),
        (published(7), at(6), APART, False),
        (published(7, epoch=2), at(8), APART, False),
        (published(5, registry=b"other"), at(6), APART, False),
    ],
    ids=[
        *("none", "idle", "young", "old", "clock set back", "many revisions"),
        *("new epoch", "database behind", "lost epoch", "another registry"),
    ],
)
def test_an_image_is_due(
    found: replication_pb2.Image | None, head: replication_pb2.Head, age: dt.timedelta, *, due: bool
) -> None:
    assert is_due(found, head, NOW + age) is due
