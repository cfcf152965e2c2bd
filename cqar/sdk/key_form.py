"""Checks an API key's form before gRPC gets it, whose errors do not say what is wrong."""

from __future__ import annotations

from typing import Final

#: Printable ASCII characters of a key; the registry's own keys have 48.
CHARS_MAX: Final = 256


def require_key(key: str) -> str:
    """The key without surrounding white space, such as a file's last line end.

    Raises:
        ValueError: The key has an invalid character or too many. The error does not repeat the key.
    """
    if not isinstance(key, str):
        raise ValueError(f"an API key is text, not {type(key).__name__}")  # noqa: TRY004
    stripped = key.strip()
    if len(stripped) > CHARS_MAX:
        raise ValueError(f"an API key has {CHARS_MAX} characters at most, this has {len(stripped)}")
    for number, character in enumerate(stripped, 1):
        if not "!" <= character <= "~":
            raise ValueError(
                f"character {number} of {len(stripped)} of the API key is one that no key has"
                f" (U+{ord(character):04X}): was it copied whole, and nothing else?"
            )
    return stripped
