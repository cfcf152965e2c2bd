"""How far a watch has come, and so where it continues after a lost connection. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

from cqar.sdk import questions
from cqar.sdk.changes import Update
from cqar.sdk.questions import Question

#: Before a new try to connect; each pause is twice as long as the last, up to PAUSE_MAX_S.
PAUSE_FIRST_S: Final = 0.1
PAUSE_MAX_S: Final = 2.0


class WatchCursor:
    """A watch's position in the registry's history.

    Args:
        from_revision: The first revision that is wanted; 0: the next one.
        epoch: The epoch of that revision; 0: any.

    Attributes:
        is_begun: Something was received: from then on a lost connection is made again.
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
        """EPOCH:REVISION that is wanted next."""
        return f"{self._epoch}:{self._next}"

    def question(self) -> Question[Update]:
        """The question for everything that was not received yet."""
        self._is_first = True
        return questions.watch(self._next, self._epoch, self._kinds, self._venues)

    def advance(self, update: Update) -> bool:
        """Note an update; return whether to yield it.

        A heartbeat that names a later revision than was received, or an earlier one, is dropped.
        Only resolvers before 0.1.0 send such: their own revision first, and then the past.
        """
        freshness, change_set = update.freshness, update.change_set
        is_first, self._is_first = self._is_first, False
        self.is_begun = True
        self._pause_s = PAUSE_FIRST_S
        self._epoch = freshness.epoch
        if change_set is not None:
            self._next = change_set.revision + 1
            return True
        following = freshness.revision + 1
        if self._next and (following < self._next or (is_first and following > self._next)):
            return False
        self._next = following
        return True

    def pause_s(self) -> float:
        """Seconds before the next try; with jitter, since many watches lose a resolver at once."""
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, PAUSE_MAX_S)
        return pause_s * random.uniform(0.5, 1)
