"""What an API key looks like: asked before gRPC gets one, whose errors do not say what is wrong."""

from __future__ import annotations

from typing import Final

#: Of printable ASCII; those that the registry makes have 48.
CHARS_MAX: Final = 256


def require_key(key: str) -> str:
    """The key as it is sent: without the line's end and spaces that a file has around it.

    Raises:
        ValueError: It has a character that no key has, or too many. The text does not contain it.
    """
    if not isinstance(key, str):
        raise ValueError(f"an API key is text, not {type(key).__name__}")  # noqa: TRY004
    stripped = key.strip()
    if len(stripped) > CHARS_MAX:
        raise ValueError(f"an API key has {CHARS_MAX} characters at most, this has {len(stripped)}")
    for at, character in enumerate(stripped, 1):
        if not "!" <= character <= "~":
            raise ValueError(
                f"character {at} of {len(stripped)} of the API key is one that no key has"
                f" (U+{ord(character):04X}): was it copied whole, and nothing else?"
            )
    return stripped
