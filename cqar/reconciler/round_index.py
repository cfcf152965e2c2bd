"""Which round of which venue had which answers: a table in the state folder.

It may be lost at any time: what is lost can no longer be replayed, and nothing else.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self

log = logging.getLogger(__name__)

_FILE: Final = "answers.sqlite"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS rounds (
    round_id INTEGER PRIMARY KEY, venue_id TEXT NOT NULL, at REAL NOT NULL,
    outcome TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS rounds_by_venue ON rounds (venue_id, at);
CREATE TABLE IF NOT EXISTS round_answers (
    round_id INTEGER NOT NULL REFERENCES rounds ON DELETE CASCADE, place INTEGER NOT NULL,
    request TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, taken REAL NOT NULL,
    PRIMARY KEY (round_id, place)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_hash ON round_answers (sha256);
CREATE TABLE IF NOT EXISTS files (sha256 TEXT PRIMARY KEY, stored INTEGER NOT NULL) WITHOUT ROWID;
"""
#: Of a round that was applied: its answers were good.
APPLIED: Final = "APPLIED"


class KeptAnswer(NamedTuple):
    """One answer of a round.

    Attributes:
        request: Its name, as `--file` would give it.
        size: In bytes, decompressed.
        taken_s: Seconds since 1970.
    """

    request: str
    sha256: str
    size: int
    taken_s: float


class KeptRound(NamedTuple):
    """One round; `at_s` in seconds since 1970."""

    round_id: int
    venue_id: str
    at_s: float
    outcome: str


class RoundIndex:
    """The table. Thread-safe."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._lock = threading.Lock()
        self._database = database

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The index of a state folder that this process holds, made anew if it cannot be read."""
        path = folder / _FILE
        try:
            return cls(_opened(path))
        except sqlite3.DatabaseError as error:
            log.warning("%s is begun anew: %s", path, error)
        for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)
        return cls(_opened(path))

    @classmethod
    def to_read(cls, folder: Path) -> Self:
        """The index of a folder that another process may hold.

        Raises:
            sqlite3.DatabaseError: There is none.
        """
        uri = f"{(folder / _FILE).resolve().as_uri()}?mode=ro"
        return cls(sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=10))

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._database:
            yield self._database

    # ---------------------------------------------------------------- what is noted

    def note_file(self, sha256: str, stored: int) -> None:
        """Note that an answer's file is there, of so many bytes."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (sha256, stored))

    def add(self, venue_id: str, at_s: float, outcome: str, answers: Sequence[KeptAnswer]) -> int:
        """Note a round and its answers: its id."""
        with self._transaction() as database:
            row = (venue_id, at_s, outcome)
            cursor = database.execute(
                "INSERT INTO rounds (venue_id, at, outcome) VALUES (?, ?, ?)", row
            )
            round_id = cursor.lastrowid or 0
            database.executemany(
                "INSERT INTO round_answers VALUES (?, ?, ?, ?, ?, ?)",
                [(round_id, place, *answer) for place, answer in enumerate(answers)],
            )
        return round_id

    def drop_oldest(self) -> list[str] | None:
        """Forget the oldest round that is not the newest applied one of its venue, else the oldest.

        Returns:
            Hashes of answers that no round has any more; None: there is no round.
        """
        with self._transaction() as database:
            newest = "SELECT MAX(round_id) FROM rounds WHERE outcome = ? GROUP BY venue_id"
            row = database.execute(
                f"SELECT MIN(round_id) FROM rounds WHERE round_id NOT IN ({newest})",  # noqa: S608
                (APPLIED,),
            ).fetchone()
            if row[0] is None:
                row = database.execute("SELECT MIN(round_id) FROM rounds").fetchone()
            if row[0] is None:
                return None
            hashes = database.execute(
                "SELECT DISTINCT sha256 FROM round_answers WHERE round_id = ?", row
            ).fetchall()
            database.execute("DELETE FROM rounds WHERE round_id = ?", row)
            return [
                sha256
                for (sha256,) in hashes
                if not database.execute(
                    "SELECT 1 FROM round_answers WHERE sha256 = ? LIMIT 1", (sha256,)
                ).fetchone()
            ]

    def drop_files(self, hashes: Iterable[str]) -> None:
        """Forget files that are gone."""
        with self._transaction() as database:
            database.executemany("DELETE FROM files WHERE sha256 = ?", [(h,) for h in hashes])

    # ---------------------------------------------------------------- what is asked

    def files(self) -> dict[str, int]:
        """Hash -> bytes of its file."""
        with self._lock:
            return dict(self._database.execute("SELECT sha256, stored FROM files").fetchall())

    def unused_files(self) -> list[str]:
        """Hashes of files that no round has."""
        with self._lock:
            rows = self._database.execute(
                "SELECT sha256 FROM files WHERE sha256 NOT IN (SELECT sha256 FROM round_answers)"
            ).fetchall()
        return [sha256 for (sha256,) in rows]

    def count(self) -> int:
        """Number of rounds."""
        with self._lock:
            (count,) = self._database.execute("SELECT COUNT(*) FROM rounds").fetchone()
        return int(count)

    def rounds(self, venue_id: str = "", limit: int = 100) -> list[KeptRound]:
        """The newest rounds, of one venue or of all."""
        with self._lock:
            rows = self._database.execute(
                "SELECT round_id, venue_id, at, outcome FROM rounds"
                " WHERE ? IN ('', venue_id) ORDER BY round_id DESC LIMIT ?",
                (venue_id, limit),
            ).fetchall()
        return [KeptRound(*row) for row in rows]

    def round(self, round_id: int) -> KeptRound | None:
        """A round by its id."""
        with self._lock:
            row = self._database.execute(
                "SELECT round_id, venue_id, at, outcome FROM rounds WHERE round_id = ?",
                (round_id,),
            ).fetchone()
        return KeptRound(*row) if row else None

    def answers(self, round_id: int) -> list[KeptAnswer]:
        """A round's answers, in the order in which they came."""
        with self._lock:
            rows = self._database.execute(
                "SELECT request, sha256, size, taken FROM round_answers"
                " WHERE round_id = ? ORDER BY place",
                (round_id,),
            ).fetchall()
        return [KeptAnswer(*row) for row in rows]


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, timeout=10)
    try:
        # A kill loses nothing that was committed; a power cut may lose the last rounds.
        database.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            f"PRAGMA foreign_keys = ON; {_SCHEMA}"
        )
        database.execute("SELECT COUNT(*) FROM rounds").fetchone()
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
