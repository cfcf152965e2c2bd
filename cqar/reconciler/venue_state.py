"""What is noted of each venue: when it is due, how it fared, and the form of its answers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import msgspec

from cqar.importer.answer_forms import AnswerForm
from cqar.reconciler.state_folder import replace_file

log = logging.getLogger(__name__)

FOLDER: Final = "venues"
#: Of one file: the forms of a venue's answers.
BYTES_MAX: Final = 8 * 1024 * 1024


class VenueState(msgspec.Struct, kw_only=True):
    """One venue; instants are seconds since 1970.

    Attributes:
        due_s: When its next round begins.
        tried_s, good_s: When its last round ended, and the last one that was applied.
        failures: Rounds in a row that failed at the venue.
        writer_failures: The same, at the writer.
        outcome: Of the last round.
        why: What was wrong in it; empty: nothing.
        forms: Request -> the form of its last good answer.
        reader: The reader that the forms are of.
    """

    venue_id: str
    due_s: float | None = None
    tried_s: float | None = None
    good_s: float | None = None
    failures: int = 0
    writer_failures: int = 0
    outcome: str = ""
    why: str = ""
    forms: dict[str, AnswerForm] = {}
    reader: str = ""


class VenueStates:
    """The files of a folder, one a venue. Each is written by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def load(self, venue_id: str) -> VenueState:
        """What is noted; nothing, if the file is lost or cannot be read."""
        path = self._path(venue_id)
        try:
            if path.stat().st_size <= BYTES_MAX:
                return msgspec.json.decode(path.read_bytes(), type=VenueState)
            problem: Any = "it is too large"
        except FileNotFoundError:
            return VenueState(venue_id=venue_id)
        except (OSError, msgspec.MsgspecError) as error:
            problem = error
        log.warning("%s is begun anew: %s", path, problem)
        return VenueState(venue_id=venue_id)

    def save(self, state: VenueState) -> None:
        """Note it.

        Raises:
            OSError: The folder cannot be written.
        """
        content = msgspec.json.encode(state)
        if len(content) > BYTES_MAX:
            content = msgspec.json.encode(msgspec.structs.replace(state, forms={}))
        replace_file(self._path(state.venue_id), content)

    def _path(self, venue_id: str) -> Path:
        return self._folder / f"{venue_id}.json"
