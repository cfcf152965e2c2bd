"""Notices that could not be delivered: a file each; of too many the oldest go."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from cqar.reconciler.state_folder import PARTIAL, replace_file
from cqar.reconciler.webhooks.notices import Notice

log = logging.getLogger(__name__)

LETTERS_MAX: Final = 10_000
_ENDING: Final = ".json"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was given up.

    Attributes:
        problem: What the endpoint answered last.
        given_up_at_s: Seconds since 1970.
    """

    notice: Notice
    problem: str
    given_up_at_s: float


class DeadLetters:
    """One endpoint's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counted: tuple[int, int] | None = None

    def add(self, notice: Notice, problem: str) -> None:
        """Keep a notice. Of more than LETTERS_MAX the oldest are dropped, with a line in the log.

        Raises:
            OSError: The file cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        letter = DeadLetter(notice=notice, problem=problem[:500], given_up_at_s=time.time())
        replace_file(self._folder / f"{time.time_ns():020}{_ENDING}", msgspec.json.encode(letter))
        names = self._names()
        for path in names[: max(0, len(names) - LETTERS_MAX)]:
            log.warning("dropped the dead letter %s: there are %d", path, LETTERS_MAX)
            path.unlink(missing_ok=True)

    def __len__(self) -> int:
        """How many there are. Another process may post them again meanwhile."""
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
        if self._counted is None or self._counted[0] != changed_ns:
            self._counted = changed_ns, len(self._names())
        return self._counted[1]

    def all(self) -> Iterator[tuple[Path, DeadLetter]]:
        """Each with its file, the oldest first; what cannot be read is passed over."""
        for path in self._names():
            try:
                yield path, msgspec.json.decode(path.read_bytes(), type=DeadLetter)
            except (OSError, msgspec.DecodeError) as error:
                log.warning("the dead letter %s cannot be read: %s", path, error)

    def _names(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(
            p
            for p in self._folder.iterdir()
            if p.name.endswith(_ENDING) and not p.name.endswith(PARTIAL)
        )
