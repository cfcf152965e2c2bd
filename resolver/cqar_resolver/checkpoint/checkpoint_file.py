"""The checkpoint file: the last good state, from which a resolver can start without PostgreSQL.

A new image replaces the file by a rename; change sets since are appended.
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
    """The file at `path`, which one process writes; its methods block on the disk.

    Args:
        keyring: A file that was not written under one of its keys is refused.
    """

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.path = path
        self._seals = keyring.seals("last good")
        # The tag of the file's last part, which the next part names. Reader and writer are two
        # threads.
        self._tag = b""
        self._lock = threading.Lock()

    def hold(self) -> IO[bytes]:
        """Lock the file against other resolvers until the returned file is closed.

        Raises:
            StartupError: Another resolver has it, or it cannot be locked.
        """
        lock = self.path.with_name(f"{self.path.name}.lock")
        return lock_path(lock, self.path, "another resolver keeps its state here")

    def read(self) -> checkpoint_format.Checkpoint | None:
        """Read the file; None if there is none.

        Raises:
            ForgedImage: The image was not written under the integrity key.
            DamagedImage: The image is damaged.
            OSError: The file cannot be read.
        """
        with self._lock:
            try:
                with os.fdopen(open_private(self.path, os.O_RDONLY), "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                return None
            checkpoint = checkpoint_format.read(data, self._seals)
            if checkpoint.appendable:
                self._tag = checkpoint.tag
            return checkpoint

    def begin(
        self,
        head: replication_pb2.Head,
        entities: Iterable[tuple[str, str, bytes]],
        mark: StreamMark | None,
    ) -> int:
        """Replace the file by a new image; returns its size in bytes.

        Raises:
            OSError: The image cannot be written; the file is as it was.
        """
        publication = fresh_publication()
        parts = list(checkpoint_format.image_parts(head, entities, mark, self._seals, publication))
        with self._lock:
            size = self._replace(parts)
            self._tag = checkpoint_format.tag_of(parts[1])
        return size

    def _replace(self, parts: Sequence[bytes]) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Always the same name: what a killed process left is removed.
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            # Private: the file holds hashes of API keys.
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
        """Append change sets; returns the bytes appended.

        Raises:
            OSError: the change sets cannot be written; a torn part is ignored by `read`.
        """
        with self._lock:
            part = checkpoint_format.since_part(commits, mark, self._seals, self._tag)
            # A missing file is not created: change sets without an image are of no use.
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
