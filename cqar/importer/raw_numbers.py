"""Whether a number that a library tells of a market stands in the venue's own record. Pure.

ccxt fills what a venue does not say: Upbit's tick of 1e-8, a contract of 1, an expiry at
midnight. So a number counts only where the record has it, in a field that may speak of it: as
a number, or, of a step, as its count of decimals. Names decide what a field may speak of: a tick
of 0.01 does not stand in a taker fee of 0.01.

A record may be anything that JSON can hold, so looking at it is bounded: what lies deeper or
later than the bounds is not looked at, and what is not found is not known.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

#: A Binance record has 60 leaves, three deep; a Kraken record with its fees 90.
DEPTH_MAX: Final = 8
NODES_MAX: Final = 4_096
#: Of a leaf; longer texts are no numbers.
LEAF_CHARS_MAX: Final = 128
#: A step of 10^-n.
DECIMALS_MAX: Final = 30

_NUMBER: Final = re.compile(r"[+-]?\d{1,60}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
#: `20.0 USD`, as Bitstamp writes a minimum.
_WITH_UNIT: Final = re.compile(rf"({_NUMBER.pattern})(?: [A-Za-z]{{2,10}})?", re.ASCII)
_NO_LETTERS: Final = re.compile(r"[^a-z0-9]")

#: A field whose path holds one of these speaks neither of a step nor of a size.
_EXCLUDED_PARTS: Final = (
    *("fee", "commission", "lever", "margin", "rate", "ratio", "risk", "funding", "deviat"),
    *("slippage", "percent", "time", "date", "expir", "trailing", "protect", "takebound"),
    *("maxnum", "maxmove", "users", "category", "status", "type", "version", "liquidat"),
    *("multiplierup", "multiplierdown", "multiplierdecimal", "pricemins"),
)
_EXCLUDED_NAMES: Final = frozenset({"id", "limit", "index", "rank", "sort", "state"})
_QUANTITY: Final = ("amount", "amt", "qty", "quant", "lot", "volume", "base")
_VALUE: Final = ("cost", "notional", "value", "fund", "total")
_COUNTS_DECIMALS: Final = ("prec", "decimal", "scale", "digit", "place")


class _FieldRule(NamedTuple):
    """Which fields may speak of a term, by parts of their names without case and separators.

    Attributes:
        needs: The name has one of them.
        never: The name has none of them.
        unless: A name that has one of these is let pass whatever `never` says.
    """

    needs: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        if self.needs and not _has(name, self.needs):
            return False
        return _has(name, self.unless) or not _has(name, self.never)


_TERM_RULES: Final[dict[str, _FieldRule]] = {
    "tick_size": _FieldRule(
        never=(
            *(*_QUANTITY, *_VALUE, "contract", "multiplier", "position"),
            *("minprice", "maxprice", "pricemin", "pricemax", "size", "sz", "min", "max"),
        ),
        unless=("ticksize", "ticksz", "mintick", "priceincrement", "quoteincrement"),
    ),
    "lot_size": _FieldRule(
        never=("price", "tick", "quote", "pair", *_VALUE, "max", "contractsize", "ctval", "ctmul"),
        unless=("qtytick", "quantitytick", "amounttick", "lottick"),
    ),
    "min_order_size": _FieldRule(
        needs=("min", *_QUANTITY, "size", "sz", "vol", "trade"),
        never=("price", "tick", "quote", *_VALUE, "usd", "max", "contractsize", "market", "mkt"),
    ),
    "max_order_size": _FieldRule(
        needs=("max",),
        never=("price", "quote", *_VALUE, "usd", "position", "num", "count", "market", "mkt"),
    ),
    "min_notional": _FieldRule(
        needs=("min", *_VALUE, "quote", "usd"),
        never=(
            "price",
            "tick",
            "lot",
            "qty",
            "quantity",
            "base",
            "size",
            "sz",
            "max",
            "market",
            "incr",
        ),
    ),
    "contract_size": _FieldRule(
        needs=("contract", "multiplier", "ctval", "ctmul", "face", "quanto", "unit"),
        never=("price", "tick", "min", "max", "trade", "num", "sizemultiplier", *_COUNTS_DECIMALS),
    ),
    "price_significant_digits": _FieldRule(needs=(*_COUNTS_DECIMALS, "signif")),
}
#: By step: whose decimals a field may count.
_DECIMALS_RULES: Final = {
    "tick_size": _FieldRule(
        needs=_COUNTS_DECIMALS, never=(*_QUANTITY, *_VALUE, "multiplier", "size", "contract")
    ),
    "lot_size": _FieldRule(
        needs=(*_QUANTITY, "vol", "size", "sz", "contract"),
        never=("price", "quote", "pair", "tick", "cost", "notional", "equal"),
    ),
}


class Leaf(NamedTuple):
    """A value in a record.

    Attributes:
        path: The keys that lead to it; an item of a list has its list's.
        text: As the venue wrote it.
    """

    path: tuple[str, ...]
    text: str


class RecordNumbers:
    """What of a market stands in its record.

    Args:
        record: The venue's own, of any shape.
    """

    def __init__(self, record: Any) -> None:
        self.leaves: list[Leaf] = list(_leaves(record))
        numbers = ((leaf.path, _number(leaf.text)) for leaf in self.leaves)
        self._numbers = [(path, number) for path, number in numbers if number is not None]

    def has(self, term: str, value: Decimal | int) -> bool:
        """Whether a step or a size stands there.

        Args:
            term: The listing's field, such as `tick_size`.
        """
        states, counts = _TERM_RULES[term], _DECIMALS_RULES.get(term)
        for path, number in self._numbers:
            if number == value and _is_allowed(path, states):
                return True
            if counts and _is_allowed(path, counts) and _is_step(value, number, path):
                return True
        return False

    def has_number(self, value: Decimal) -> bool:
        """Whether a number stands anywhere, also as a part of a name: BTC-24SEP21-40000-P."""
        if any(number == value for _, number in self._numbers):
            return True
        parts = (part for leaf in self.leaves for part in re.split(r"[-_/ ]", leaf.text))
        return any(_number(part) == value for part in parts)

    def has_instant(self, instant: dt.datetime) -> bool:
        """Whether it stands anywhere: in seconds, milli- or microseconds, or as ISO 8601."""
        seconds = Decimal(int(instant.timestamp()))
        counted = {seconds, seconds * 1_000, seconds * 1_000_000}
        if any(number in counted for _, number in self._numbers):
            return True
        return any(_instant(leaf.text) == instant for leaf in self.leaves)


def _leaves(record: Any) -> Iterator[Leaf]:
    """In the record's order, level by level; no more than the bounds allow."""
    level: list[tuple[tuple[str, ...], Any]] = [((), record)]
    left = NODES_MAX
    for _ in range(DEPTH_MAX):
        below: list[tuple[tuple[str, ...], Any]] = []
        for path, value in level:
            left -= 1
            if left < 0:
                return
            if isinstance(value, dict):
                pairs = (((*path, _plain_name(key)), inner) for key, inner in value.items())
                below += _first(pairs, left - len(below))
            elif isinstance(value, list):
                below += _first(((path, inner) for inner in value), left - len(below))
            elif isinstance(value, str | int | float | Decimal):
                text = value if isinstance(value, str) else _plain(value)
                if len(text) <= LEAF_CHARS_MAX:
                    yield Leaf(path, text)
        level = below


def _first(pairs: Iterator[Any], count: int) -> Iterable[Any]:
    return (pair for _, pair in zip(range(max(count, 0)), pairs, strict=False))


def _plain(number: float | Decimal) -> str:
    """A number or a Boolean in text; a number of more digits than a leaf may have is none."""
    if isinstance(number, int) and number.bit_length() > LEAF_CHARS_MAX:
        return " " * (LEAF_CHARS_MAX + 1)
    return str(number)


def _plain_name(key: Any) -> str:
    return _NO_LETTERS.sub("", str(key)[:LEAF_CHARS_MAX].lower())


def _number(text: str) -> Decimal | None:
    found = _WITH_UNIT.fullmatch(text)
    return Decimal(found[1]) if found else None


def _instant(text: str) -> dt.datetime | None:
    """An ISO 8601 instant that has a time of day: where only a day stands, none is known."""
    if "T" not in text and ":" not in text:
        return None
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


def _has(name: str, parts: Iterable[str]) -> bool:
    return any(part in name for part in parts)


def _is_allowed(path: tuple[str, ...], speech: _FieldRule) -> bool:
    """Whether a field may speak of it, by its name and those it lies in."""
    if not path or path[-1] in _EXCLUDED_NAMES or any(_has(name, _EXCLUDED_PARTS) for name in path):
        return False
    # `limits: {amount: {min: 1}}`: a name that says only min or max is said with the one above.
    name = path[-1] if path[-1] not in ("min", "max", "step") else "".join(path[-2:])
    return speech.allows(name)


def _is_step(value: Decimal | int, decimals: Decimal, path: tuple[str, ...]) -> bool:
    if not _has(path[-1], _COUNTS_DECIMALS) or abs(decimals) > DECIMALS_MAX:
        return False
    return decimals == int(decimals) and Decimal(1).scaleb(-int(decimals)) == value
