"""Detects names that look alike, mixed scripts and invisible joiners. Pure.

A small part of Unicode's own approach (UTS #39). These make no difference: compatibility forms,
case, invisible characters, forms of dashes and spaces, Cyrillic and Greek letters that look Latin,
`i`, `l`, `1` and `|`, and `o` and `0`. Scripts that are not usually written together are refused,
so a letter that is missing in the table cannot hide in a Latin name.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

NAMES_MAX: Final = 16_384

#: Lower-case letter -> the Latin letter that it looks like, in lower or upper case.
_LOOKS: Final = str.maketrans(
    {
        **dict(zip("авеіјкмнорстухѕһԁԛԝ", "abeijkmhopctyxshdqw", strict=True)),
        **dict(zip("αβεζηικμνορτυχ", "abezhikmvoptux", strict=True)),
        **dict(zip("ıɑɡ", "iag", strict=True)),  # noqa: RUF001
        **dict.fromkeys("i1|", "l"),
        "0": "o",
    }
)
#: Scripts that are written together and with Latin, by their Unicode names.
_TOGETHER: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
_ANY: Final = _TOGETHER | {"LATIN"}

#: ZWNJ and ZWJ are invisible. Where they join nothing, they make two names that look the same.
JOINERS: Final = "\u200c\u200d"

#: Unicode's categories of emoji (arrows: Sm) and skin tones; U+FE0F asks for an emoji's colours.
_EMOJI: Final = frozenset({"So", "Sm", "Sk"})
_EMOJI_STYLE: Final = "\ufe0f"
#: Scripts whose letters change their form beside a joiner, by their Unicode names.
_JOINING_SCRIPTS: Final = frozenset(
    {
        *("ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER"),
        *("MALAYALAM", "MONGOLIAN", "MYANMAR", "NKO", "ORIYA", "SINHALA", "SYRIAC", "TAMIL"),
        *("TELUGU", "TIBETAN"),
    }
)


@lru_cache(NAMES_MAX)
def skeleton(name: str) -> str:
    """Return a text that is equal for names that look alike."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    looks = "".join(map(_look, plain))
    # Twice, because what looks like `i` also looks like `l`.
    return " ".join(looks.translate(_LOOKS).translate(_LOOKS).split())


def _look(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    is_hidden = category in {"Cf", "Cc"} or "VARIATION SELECTOR" in unicodedata.name(character, "")
    return "" if is_hidden else character


def mixes_scripts(name: str) -> bool:
    """Whether a name has letters of two scripts that are not written together."""
    letters = (c for c in unicodedata.normalize("NFKC", name) if c.isalpha())
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in letters}
    return len(scripts - _TOGETHER) > 1 or (bool(scripts & _TOGETHER) and not scripts <= _ANY)


def all_join(text: str) -> bool:
    """Whether each joiner stands between two characters that it can join."""
    return all(
        _joining_class(before) == _joining_class(after) != ""
        for before, character, after in zip("\n" + text, text, text[1:] + "\n", strict=False)
        if character in JOINERS
    )


def _joining_class(character: str) -> str:
    """`EMOJI`, a script whose letters join, or nothing."""
    if character == _EMOJI_STYLE or unicodedata.category(character) in _EMOJI:
        return "" if character.isascii() else "EMOJI"
    script = unicodedata.name(character, "").partition(" ")[0]
    return script if script in _JOINING_SCRIPTS else ""
