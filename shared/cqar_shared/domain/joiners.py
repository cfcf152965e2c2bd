"""Where U+200C and U+200D may stand: elsewhere they make invisible twins of a text. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

JOINERS: Final = "\u200c\u200d"

#: Unicode's categories of emoji (arrows: Sm) and skin tones; U+FE0F asks for an emoji's colours.
_EMOJI: Final = frozenset({"So", "Sm", "Sk"})
_EMOJI_STYLE: Final = "\ufe0f"
#: Scripts whose letters take another form beside a joiner, by their names in Unicode.
_SCRIPTS: Final = frozenset(
    {
        *("ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER"),
        *("MALAYALAM", "MONGOLIAN", "MYANMAR", "NKO", "ORIYA", "SINHALA", "SYRIAC", "TAMIL"),
        *("TELUGU", "TIBETAN"),
    }
)


def all_join(text: str) -> bool:
    """Whether each joiner is between two characters that it can join."""
    return all(
        _sort_of(before) == _sort_of(after) != ""
        for before, character, after in zip("\n" + text, text, text[1:] + "\n", strict=False)
        if character in JOINERS
    )


def _sort_of(character: str) -> str:
    """`EMOJI`, a script whose letters join, or nothing."""
    if character == _EMOJI_STYLE or unicodedata.category(character) in _EMOJI:
        return "" if character.isascii() else "EMOJI"
    script = unicodedata.name(character, "").partition(" ")[0]
    return script if script in _SCRIPTS else ""
