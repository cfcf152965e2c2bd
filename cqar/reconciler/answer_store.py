"""The answers that venues gave: each once, by its hash, compressed, within a number of bytes.

A file is there before anything names it, and is removed after nothing does: a kill at any point
leaves files that no round has, which the next start removes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import zstandard

from cqar.reconciler.round_index import KeptAnswer, RoundIndex
from cqar.reconciler.state_folder import PARTIAL, replace_file

FOLDER: Final = "answers"
_END: Final = ".zst"
#: 10 to 20 times smaller, at 100 MB/s.
LEVEL: Final = 3


class AnswerStore:
    """The files and their index. Thread-safe.

    Args:
        bytes_max: Of all files together.
        rounds_max: Rounds that are kept.
    """

    def __init__(self, folder: Path, bytes_max: int, rounds_max: int) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._bytes_max = bytes_max
        self._rounds_max = rounds_max
        self._lock = threading.Lock()
        self.index = RoundIndex.of_folder(folder)
        self._sizes = self._swept()
        self._bytes = sum(self._sizes.values())
        self._rounds = self.index.count()
        #: Hashes of rounds that have not ended.
        self._wanted: dict[str, int] = {}

    def close(self) -> None:
        self.index.close()

    @property
    def stored_bytes(self) -> int:
        """Of all files."""
        return self._bytes

    @property
    def rounds(self) -> int:
        """Number of rounds whose answers are kept."""
        return self._rounds

    def put(self, request: str, content: bytes, taken_s: float) -> KeptAnswer:
        """Keep an answer until its round ends; `add` keeps it longer.

        Raises:
            OSError: The folder cannot be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        answer = KeptAnswer(request, sha256, len(content), taken_s)
        with self._lock:
            self._want(sha256, 1)
            try:
                if sha256 not in self._sizes:
                    self._write(sha256, content)
            except BaseException:
                self._want(sha256, -1)
                raise
        return answer

    def _write(self, sha256: str, content: bytes) -> None:
        """Make the file; one that is larger than all that may be kept is left out."""
        stored = zstandard.ZstdCompressor(level=LEVEL).compress(content)
        self._make_room(len(stored))
        if self._bytes + len(stored) > self._bytes_max:
            return
        path = self._path(sha256)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(path, stored)
        self.index.note_file(sha256, len(stored))
        self._sizes[sha256] = len(stored)
        self._bytes += len(stored)

    def _want(self, sha256: str, by: int) -> None:
        """Count the rounds that have not ended and need the file."""
        left = self._wanted.get(sha256, 0) + by
        if left > 0:
            self._wanted[sha256] = left
        else:
            self._wanted.pop(sha256, None)

    def add(self, venue_id: str, at_s: float, outcome: str, answers: Sequence[KeptAnswer]) -> int:
        """Note a round that has ended, with the answers that were put for it: its id."""
        with self._lock:
            try:
                round_id = self.index.add(venue_id, at_s, outcome, answers)
            finally:
                for answer in answers:
                    self._want(answer.sha256, -1)
            self._rounds += 1
            self._make_room(0)
        return round_id

    def _make_room(self, wanted: int) -> None:
        while self._bytes + wanted > self._bytes_max or self._rounds > self._rounds_max:
            hashes = self.index.drop_oldest()
            if hashes is None:
                return
            self._rounds -= 1
            gone = [sha256 for sha256 in hashes if sha256 not in self._wanted]
            self._remove(gone)

    def _remove(self, hashes: Sequence[str]) -> None:
        self.index.drop_files(hashes)
        for sha256 in hashes:
            self._path(sha256).unlink(missing_ok=True)
            self._bytes -= self._sizes.pop(sha256, 0)

    def _swept(self) -> dict[str, int]:
        """The files that rounds have; others, of a process that was killed, are removed."""
        self.index.drop_files(self.index.unused_files())
        known = self.index.files()
        found: dict[str, int] = {}
        for path in self._folder.glob("??/*"):
            sha256 = path.name.removesuffix(_END)
            if path.name.endswith(PARTIAL) or sha256 not in known:
                path.unlink(missing_ok=True)
            else:
                found[sha256] = known[sha256]
        self.index.drop_files(known.keys() - found.keys())
        return found

    def _path(self, sha256: str) -> Path:
        return path_of(self._folder.parent, sha256)


def path_of(folder: Path, sha256: str) -> Path:
    """Where a state folder has an answer."""
    return folder / FOLDER / sha256[:2] / f"{sha256}{_END}"
