"""Full names of coins: which are the same, which have something in common, which differ. Pure.

Two names are the same if they are equal without case, accents, spaces and punctuation; a part in
parentheses that is the ticker does not count (`Polygon (MATIC)` is `Polygon`). No word is dropped:
`Flux` and `Flux Protocol` are two coins, `Neiro` and `Neiro on ETH` too. What is spelled exactly
like the ticker is no name: half of all venues write the code where they know none.

Two names that are not the same differ if they have no word of three letters and no beginning of
three letters in common. Between the two nothing is said: `Tether` and `TetherUS` may be one coin
or two. So a name never decides by being similar, and never contradicts by being shortened.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_LETTERS_MIN: Final = 3
#: In the names of many coins: to have one of them in common says nothing.
_GENERAL: Final = frozenset(
    {
        *("and", "chain", "coin", "dao", "defi", "finance", "network", "new", "old", "protocol"),
        *("share", "stock", "the", "token", "tokenised", "tokenized", "wrapped", "for", "inc"),
    }
)
_PARENTHESES: Final = re.compile(r"\(([^()]*)\)")


class NameComparison(enum.Enum):
    SAME = enum.auto()
    UNCLEAR = enum.auto()
    DIFFERENT = enum.auto()


def is_name(name: str | None, ticker: str) -> bool:
    """Whether a text is the full name of what has the ticker, and not the ticker again."""
    return bool(name and name.strip() and name.strip() != ticker and normal(name, ticker))


@lru_cache(65_536)
def normal(name: str, ticker: str = "") -> str:
    """A name without case, accents, spaces, punctuation, and the ticker in parentheses."""
    own = ticker.casefold()
    kept = _PARENTHESES.sub(
        lambda part: " " if own and part[1].strip().casefold() == own else part[0], name
    )
    return "".join(_words(kept)) or "".join(_words(name))


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).casefold()
    unaccented = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", unaccented)


def compare_names(ours: str, theirs: str, ticker: str = "") -> NameComparison:
    """Compare a venue's name of a code with a name of an asset that has the ticker."""
    one, other = normal(ours, ticker), normal(theirs, ticker)
    if one == other:
        return NameComparison.SAME
    if not (_is_latin(one) and _is_latin(other)):
        # The same coin in another script.
        return NameComparison.UNCLEAR
    if _have_in_common(one, other) or _telling(ours) & _telling(theirs):
        return NameComparison.UNCLEAR
    tickers = {normal(ticker)} if ticker else set()
    return NameComparison.UNCLEAR if {one, other} & tickers else NameComparison.DIFFERENT


def _is_latin(text: str) -> bool:
    return any("a" <= c <= "z" for c in text)


def _have_in_common(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _LETTERS_MIN and (long.startswith(short) or long.endswith(short))


def _telling(name: str) -> frozenset[str]:
    """The words that tell a coin from others."""
    return frozenset(w for w in _words(name) if len(w) >= _LETTERS_MIN) - _GENERAL


def compare_with_any(
    ours: Iterable[str], theirs: Iterable[str], ticker: str = ""
) -> NameComparison | None:
    """The best of all comparisons; None if one of the two has no name."""
    known = list(theirs)
    found = {compare_names(a, b, ticker) for a in ours for b in known}
    return next((result for result in NameComparison if result in found), None)
