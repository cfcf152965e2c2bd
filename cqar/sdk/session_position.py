"""Where in the registry's history a caller was, so that no later answer is from before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Final, Literal, NamedTuple, Self

#: What a read may carry, and what every answer tells (docs/API.md).
HEADER: Final = "cqar-min-revision"
_EPOCH: Final = "cqar-epoch"
_REVISION: Final = "cqar-revision"
_FORM: Final = re.compile(r"([0-9]{1,19}):([0-9]{1,19})")
#: The greatest epoch and the greatest revision: PostgreSQL's bigint.
NUMBER_MAX: Final = 2**63 - 1

#: `seen`: never older than anything this client was answered or told. `told`: only than what
#: it was told with `carry`; an answer at once matters more than never going back.
MinRevision = Literal["seen", "told"]


class Position(NamedTuple):
    """Epoch and revision; the later one is the greater."""

    epoch: int
    revision: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read EPOCH:REVISION, such as 1:42.

        Raises:
            ValueError: It is not of that form, or a number exceeds `NUMBER_MAX`.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:64]!r} is no EPOCH:REVISION such as 1:42")
        return cls(int(found.group(1)), int(found.group(2))).checked()

    def checked(self) -> Self:
        """This position, if a registry can be there.

        Raises:
            ValueError: Epoch or revision is negative, or exceeds `NUMBER_MAX`.
        """
        for name, number in zip(self._fields, self, strict=True):
            if not 0 <= number <= NUMBER_MAX:
                raise ValueError(f"the {name} of {self} is not within 0 to {NUMBER_MAX}")
        return self

    @classmethod
    def of(cls, trailing_metadata: Iterable[Any] | None) -> Position | None:
        """What an answer's trailing metadata tells, a writer's included; None if nothing."""
        told = {pair[0]: pair[1] for pair in trailing_metadata or ()}
        if _EPOCH not in told or _REVISION not in told:
            return None
        return cls(int(told[_EPOCH]), int(told[_REVISION]))

    @classmethod
    def in_message(cls, freshness: Any) -> Position | None:
        """What a message of a stream tells; None while nothing is loaded."""
        return cls(freshness.epoch, freshness.revision) if freshness.revision else None

    def __str__(self) -> str:
        return f"{self.epoch}:{self.revision}"


def require_min_revision_mode(min_revision: MinRevision) -> MinRevision:
    """Refuse other words, which a program without types may say.

    Raises:
        ValueError: It is another one.
    """
    if min_revision not in ("seen", "told"):
        raise ValueError(f"min_revision={min_revision!r}: it is 'seen' or 'told'")
    return min_revision


class SessionPosition:
    """The newest position that later answers must not be older than. For any number of threads.

    Attributes:
        on_change: Called whenever that is another one, before whoever moved it goes on.
    """

    def __init__(self, min_revision: MinRevision) -> None:
        self._notes_seen = require_min_revision_mode(min_revision) == "seen"
        self._lock = Lock()
        self.position: Position | None = None
        self.on_change: Callable[[], None] = lambda: None

    def require(self, position: Position) -> None:
        """The caller knows of it, as from a writer's answer."""
        with self._lock:
            if self.position is None or position > self.position:
                self.position = position
                self.on_change()

    def observe(self, position: Position | None) -> None:
        """An answer was from there."""
        if self._notes_seen and position is not None:
            self.require(position)

    def forget(self) -> None:
        """A new history began: nothing of the old one is to be waited for."""
        with self._lock:
            self.position = None
            self.on_change()
