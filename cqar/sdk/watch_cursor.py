"""How far a watcher was told, and so where it goes on when a connection is lost. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

from cqar.sdk import questions
from cqar.sdk.changes import Update
from cqar.sdk.questions import Question

#: Between two tries; each waits twice as long as the one before, up to the second.
PAUSE_FIRST_S: Final = 0.1
PAUSE_MAX_S: Final = 2.0


class WatchCursor:
    """Where a watcher is in the registry's history.

    Args:
        from_revision: The first that is wanted; 0: the next.
        epoch: Of that revision; 0: whichever it is.

    Attributes:
        is_begun: Something came: from then on a lost connection is made again.
    """

    def __init__(
        self, from_revision: int, epoch: int, kinds: Iterable[str], venues: Iterable[str]
    ) -> None:
        self._next = from_revision
        self._epoch = epoch
        self._kinds = tuple(kinds)
        self._venues = tuple(venues)
        self._pause_s = PAUSE_FIRST_S
        self._is_first = True
        self.is_begun = False

    def __str__(self) -> str:
        """EPOCH:REVISION of what is wanted next."""
        return f"{self._epoch}:{self._next}"

    def question(self) -> Question[Update]:
        """What to ask for: all that was not told."""
        self._is_first = True
        return questions.watch(self._next, self._epoch, self._kinds, self._venues)

    def advance(self, update: Update) -> bool:
        """Note what came; returns whether to hand it on to whoever watches.

        Not a sign of life that names a later revision than was told, or an earlier one. Resolvers
        say none such, but those of before 0.1.0 said where they were, and then told the past.
        """
        freshness, change_set = update.freshness, update.change_set
        is_first, self._is_first = self._is_first, False
        self.is_begun = True
        self._pause_s = PAUSE_FIRST_S
        self._epoch = freshness.epoch
        if change_set is not None:
            self._next = change_set.revision + 1
            return True
        after = freshness.revision + 1
        if self._next and (after < self._next or (is_first and after > self._next)):
            return False
        self._next = after
        return True

    def pause_s(self) -> float:
        """Before the next try; with jitter, since many lose the same resolver at once."""
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, PAUSE_MAX_S)
        return pause_s * random.uniform(0.5, 1)
