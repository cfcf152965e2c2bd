"""The last good state in one file, from which a resolver starts when nothing else is there.

A new image takes the file's place by a rename; what came since is appended.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from cqc.replication.v1 import replication_pb2

from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.process.file_lock import lock_path
from cqar_resolver.process.private_files import create_private, open_private
from cqar_shared.redis_store.image_store import fresh_publication
from cqar_shared.replication.positions import StreamMark
from cqar_shared.trust.seals import Keyring


class CheckpointFile:
    """The file at `path`, which is one process's; its methods wait for the disk.

    Args:
        keyring: What is not made under it is no last good state.
    """

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.path = path
        self._seals = keyring.seals("last good")
        # Of the file's last part, which what is appended follows: read and written in two threads.
        self._tag = b""
        self._lock = threading.Lock()

    def hold(self) -> IO[bytes]:
        """Keep others from writing it, until what is returned is closed.

        Raises:
            StartupError: Another resolver has it, or it cannot be had.
        """
        lock = self.path.with_name(f"{self.path.name}.lock")
        return lock_path(lock, self.path, "another resolver keeps its state here")

    def read(self) -> checkpoint_format.Checkpoint | None:
        """What the file holds; None where there is none.

        Raises:
            Forged: Its image was not made under our key.
            Damaged: Its image cannot be believed.
            OSError: It cannot be read.
        """
        with self._lock:
            try:
                with os.fdopen(open_private(self.path, os.O_RDONLY), "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                return None
            found = checkpoint_format.read(data, self._seals)
            if found.appendable:
                self._tag = found.tag
            return found

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
        publication = fresh_publication()
        parts = list(checkpoint_format.image_parts(head, entities, mark, self._seals, publication))
        with self._lock:
            size = self._replace(parts)
            self._tag = checkpoint_format.tag_of(parts[1])
        return size

    def _replace(self, parts: Sequence[bytes]) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The same name in every life: what a killed one left half written is removed.
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            # It holds the hashes of keys.
            with os.fdopen(create_private(fresh), "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            fresh.replace(self.path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync_folder(self.path.parent)
        return size

    def append(
        self, commits: Sequence[replication_pb2.StreamMessage], mark: StreamMark | None
    ) -> int:
        """Write what was applied since; returns the bytes appended.

        Raises:
            OSError: It cannot be written; what was written of it is torn, and is left out.
        """
        with self._lock:
            part = checkpoint_format.since_part(commits, mark, self._seals, self._tag)
            # Not created where it is gone: an end without its beginning is nothing.
            with os.fdopen(open_private(self.path, os.O_RDWR), "r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(part)
                file.flush()
                os.fsync(file.fileno())
            self._tag = checkpoint_format.tag_of(part)
        return len(part)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
