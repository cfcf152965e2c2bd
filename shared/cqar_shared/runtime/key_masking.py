"""Replaces API keys in text that people read. Pure."""

from __future__ import annotations

import re
from typing import Final

#: As `cqar_shared.trust.key_text.fresh_key` makes them: the prefix, and 32 bytes as 43 characters.
_KEY: Final = re.compile(r"cqar_[A-Za-z0-9_-]{43}")
MASKED: Final = "cqar_(key not shown)"


def masked(text: str) -> str:
    """Replace the API keys in a text."""
    return _KEY.sub(MASKED, text)
