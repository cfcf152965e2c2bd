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


@lru_cache(NAMES_MAX)
def skeleton(name: str) -> str:
    """Equal for names that look alike; of no other use."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(map(_look, plain))
    # Twice: what looks like an `i` looks like an `l`.
    return " ".join(seen.translate(_LOOKS).translate(_LOOKS).split())


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


_ANY: Final = _TOGETHER | {"LATIN"}
