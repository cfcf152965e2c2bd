"""The position in the registry's history that later answers must have reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Final, Literal, NamedTuple, Self

#: Request metadata of a read; the next two are in every answer's trailing metadata (docs/API.md).
HEADER: Final = "cqar-min-revision"
_EPOCH: Final = "cqar-epoch"
_REVISION: Final = "cqar-revision"
_FORM: Final = re.compile(r"([0-9]{1,19}):([0-9]{1,19})")
#: The greatest epoch and the greatest revision: PostgreSQL's bigint.
NUMBER_MAX: Final = 2**63 - 1

#: `seen`: no answer is older than one before it, or than a position given to `carry`. `told`: only
#: positions given to `carry` count.
MinRevision = Literal["seen", "told"]


class Position(NamedTuple):
    """Epoch and revision; the later one is the greater."""

    epoch: int
    revision: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read EPOCH:REVISION, such as 1:42.

        Raises:
            ValueError: The text has another form, or a number exceeds `NUMBER_MAX`.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:64]!r} is no EPOCH:REVISION such as 1:42")
        return cls(int(match.group(1)), int(match.group(2))).checked()

    def checked(self) -> Self:
        """Return this position if a registry can be at it.

        Raises:
            ValueError: Epoch or revision is negative, or exceeds `NUMBER_MAX`.
        """
        for name, number in zip(self._fields, self, strict=True):
            if not 0 <= number <= NUMBER_MAX:
                raise ValueError(f"the {name} of {self} is not within 0 to {NUMBER_MAX}")
        return self

    @classmethod
    def of(cls, trailing_metadata: Iterable[Any] | None) -> Position | None:
        """The position in an answer's trailing metadata, also a writer's; None if it has none."""
        values = {pair[0]: pair[1] for pair in trailing_metadata or ()}
        if _EPOCH not in values or _REVISION not in values:
            return None
        return cls(int(values[_EPOCH]), int(values[_REVISION]))

    @classmethod
    def in_message(cls, freshness: Any) -> Position | None:
        """The position in a message's freshness; None while nothing is loaded."""
        return cls(freshness.epoch, freshness.revision) if freshness.revision else None

    def __str__(self) -> str:
        return f"{self.epoch}:{self.revision}"


def require_min_revision_mode(min_revision: MinRevision) -> MinRevision:
    """Check a mode that an untyped program passed.

    Raises:
        ValueError: The mode is neither `seen` nor `told`.
    """
    if min_revision not in ("seen", "told"):
        raise ValueError(f"min_revision={min_revision!r}: it is 'seen' or 'told'")
    return min_revision


class SessionPosition:
    """The newest position that later answers must have reached. For any number of threads.

    Attributes:
        position: None: any position will do.
        on_change: Called under the lock after each change of `position`.
    """

    def __init__(self, min_revision: MinRevision) -> None:
        self._counts_seen = require_min_revision_mode(min_revision) == "seen"
        self._lock = Lock()
        self.position: Position | None = None
        self.on_change: Callable[[], None] = lambda: None

    def require(self, position: Position) -> None:
        """Accept no older answer than from `position`, which the caller learnt from a writer."""
        with self._lock:
            if self.position is None or position > self.position:
                self.position = position
                self.on_change()

    def observe(self, position: Position | None) -> None:
        """Note the position of an answer; it counts in mode `seen`."""
        if self._counts_seen and position is not None:
            self.require(position)

    def forget(self) -> None:
        """Drop the position, because a new history began."""
        with self._lock:
            self.position = None
            self.on_change()
