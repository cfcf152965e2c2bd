"""The last good state in one file, from which a resolver starts when nothing else is there.

An image, and behind it the change sets applied since, each part with its checksum. A new image
takes the file's place by a rename; what came since is appended. Of a file whose end is torn or
flipped the part before counts: that too was the registry once. One whose image is damaged is none.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from resolver.decoding import Poison, decode, plan
from resolver.snapshot import Diverged, Snapshot
from shared import frames, history, image
from shared.stream_mark import StreamMark

log = logging.getLogger(__name__)

_MAGIC: Final = b"cqar last good 1\n"


class Kept(NamedTuple):
    """What is read back: the head it leads to, and where to follow the stream from."""

    manifest: replication_pb2.Image
    chunks: list[bytes]
    since: list[replication_pb2.StreamMessage]
    mark: StreamMark | None

    @property
    def head(self) -> replication_pb2.Head:
        return self.since[-1].head if self.since else self.manifest.head

    def snapshot(self) -> Snapshot:
        """What was served.

        Raises:
            Damaged: It is not what its checksums say.
        """
        try:
            snapshot = Snapshot(self.manifest.head, image.entities_of(self.manifest, self.chunks))
            for message in self.since:
                packed = message.commit.change_set
                change_set = decode(snapshot.position, message.head, packed)
                snapshot.apply(message.head, list(plan(snapshot, change_set)))
        except (Diverged, Poison) as error:
            raise image.Damaged(str(error)) from error
        return snapshot


class LastGood:
    """The file at `path`, which is one process's; its methods wait for the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def hold(self) -> IO[bytes]:
        """Keep others from writing it, until what is returned is closed.

        Raises:
            SystemExit: Another resolver has it, or it cannot be had.
        """
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = lock.open("wb")
        except OSError as error:
            raise SystemExit(f"{self.path}: cannot be kept here: {error.strerror}") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            held.close()
            raise SystemExit(f"{self.path}: another resolver keeps its state here") from error
        return held

    def read(self) -> Kept | None:
        """What the file holds; None where there is none.

        Raises:
            Damaged: Its image cannot be believed.
            OSError: It cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        if not data.startswith(_MAGIC):
            raise image.Damaged("it is no file of a resolver's last good state")
        parts = _whole(memoryview(data)[len(_MAGIC) :])
        manifest = image.parse_manifest(next(parts, b""))
        chunks = list(itertools.islice(parts, len(manifest.chunk_hashes)))
        kept = Kept(manifest, chunks, [], image.mark_of(manifest.stream))
        for part in parts:
            try:
                since = replication_pb2.Since.FromString(part)
            except DecodeError:
                since = replication_pb2.Since()
            if not _follows(kept.head, since):
                log.warning("%s: what does not follow is left out", self.path)
                break
            kept.since.extend(since.commits)
            kept = kept._replace(mark=image.mark_of(since.stream))
        return kept

    def begin(
        self,
        head: replication_pb2.Head,
        entities: Iterable[tuple[str, str, bytes]],
        mark: StreamMark | None,
    ) -> int:
        """Put a new image in the file's place; returns its size in bytes.

        Raises:
            OSError: It cannot be written; what was there is as it was.
        """
        chunks = list(image.chunks_of(entities))
        manifest = replication_pb2.Image(
            head=head, chunk_hashes=[image.hash_of_chunk(chunk) for chunk in chunks]
        )
        if mark is not None:
            manifest.stream.CopyFrom(image.place_of(mark))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            # It holds the hashes of keys.
            with open(fresh, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(_MAGIC)
                file.write(image.sealed(manifest))
                file.writelines(map(frames.frame, chunks))
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            fresh.replace(self.path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync_folder(self.path.parent)
        return size

    def append(self, since: replication_pb2.Since) -> int:
        """Write what was applied since; returns the bytes appended.

        Raises:
            OSError: It cannot be written; what was written of it is torn, and is left out.
        """
        part = frames.frame(since.SerializeToString())
        # Not created where it is gone: an end without its beginning is nothing.
        with self.path.open("rb+") as file:
            file.seek(0, os.SEEK_END)
            file.write(part)
            file.flush()
            os.fsync(file.fileno())
        return len(part)


def _follows(head: replication_pb2.Head, since: replication_pb2.Since) -> bool:
    chain = head.chain
    for message in since.commits:
        at = message.head
        chain = history.chain_of(chain, at.epoch, at.revision, message.commit.change_set)
        if chain != at.chain:
            return False
    return bool(since.commits)


def _whole(data: memoryview) -> Iterator[bytes]:
    """The parts up to the first that is torn."""
    try:
        yield from frames.payloads(data)
    except frames.Torn as error:
        log.warning("the last good file is used up to where it is torn: %s", error)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
