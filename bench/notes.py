"""What people wrote about the results: `notes.md`, a section for each goal that was missed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

PATH: Final = Path(__file__).with_name("notes.md")
#: The section that stands in the document as it is.
LEARNT: Final = "learnt"
_SECTION: Final = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class Notes(NamedTuple):
    """The file, taken apart.

    Attributes:
        causes: A goal's key -> why it was missed.
        learnt: Where the time goes, what was tried.
    """

    causes: dict[str, str]
    learnt: str


def parse(text: str) -> Notes:
    found = {key: body.strip() for key, body in _SECTION.findall(text)}
    learnt = found.pop(LEARNT, "")
    return Notes(found, learnt)


def read_notes() -> Notes:
    return parse(PATH.read_text(encoding="utf-8"))
