"""Differences between a reader and its oracle that stand, each with the venue's documentation."""

from __future__ import annotations

from typing import Final

#: (file, spelling, field) -> what the venue's documentation says.
ACCEPTED: Final[dict[tuple[str, str, str], str]] = {}
