"""What a name looks like, so that none that looks like another's is given to somebody else. Pure.

A small part of Unicode's own approach (UTS #39): compatibility forms, case, what is invisible and
how dashes and spaces are spelt make no difference; nor do letters of Cyrillic and Greek that look
Latin in either case, nor `i`, `l`, `1` and `|`, nor `o` and `0`. Who mixes scripts is refused where
that is no habit of writing, so that what is not in the table below cannot hide in a Latin name.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

NAMES_MAX: Final = 16_384

#: Lower-case letters, and what they look like, as they are or in upper case.
_LOOKS: Final = str.maketrans(
    {
        **dict(zip("авеіјкмнорстухѕһԁԛԝ", "abeijkmhopctyxshdqw", strict=True)),
        **dict(zip("αβεζηικμνορτυχ", "abezhikmvoptux", strict=True)),
        **dict(zip("ıɑɡ", "iag", strict=True)),  # noqa: RUF001
        **dict.fromkeys("i1|", "l"),
        "0": "o",
    }
)
#: Scripts that are written together, and with Latin, by their names in Unicode.
_TOGETHER: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
_ANY: Final = _TOGETHER | {"LATIN"}

#: ZWNJ and ZWJ: invisible, so that elsewhere than between letters that they join they would make
#: a twin that looks the same.
JOINERS: Final = "\u200c\u200d"

#: Unicode's categories of emoji (arrows: Sm) and skin tones; U+FE0F asks for an emoji's colours.
_EMOJI: Final = frozenset({"So", "Sm", "Sk"})
_EMOJI_STYLE: Final = "\ufe0f"
#: Scripts whose letters take another form beside a joiner, by their names in Unicode.
_JOINING_SCRIPTS: Final = frozenset(
    {
        *("ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER"),
        *("MALAYALAM", "MONGOLIAN", "MYANMAR", "NKO", "ORIYA", "SINHALA", "SYRIAC", "TAMIL"),
        *("TELUGU", "TIBETAN"),
    }
)


@lru_cache(NAMES_MAX)
def skeleton(name: str) -> str:
    """Equal for names that look alike; of no other use."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    looks = "".join(map(_look, plain))
    # Twice: what looks like an `i` looks like an `l`.
    return " ".join(looks.translate(_LOOKS).translate(_LOOKS).split())


def _look(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    is_hidden = category in {"Cf", "Cc"} or "VARIATION SELECTOR" in unicodedata.name(character, "")
    return "" if is_hidden else character


def mixes_scripts(name: str) -> bool:
    """Whether it has letters of two scripts that nobody writes together."""
    letters = (c for c in unicodedata.normalize("NFKC", name) if c.isalpha())
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in letters}
    return len(scripts - _TOGETHER) > 1 or (bool(scripts & _TOGETHER) and not scripts <= _ANY)


def all_join(text: str) -> bool:
    """Whether each joiner is between two characters that it can join."""
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
