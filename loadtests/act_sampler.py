"""Acts in the shares of a mix, in random order: cards without replacement, not dice.

So every hundred acts hold the mix exactly, and the rarest is made in even a short run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping


class ActSampler:
    """Dealt from by all users of a mix in one process; shuffled anew when it is used up."""

    def __init__(self, shares: Mapping[str, int], shuffle: random.Random) -> None:
        self._cards = [act for act, count in shares.items() for _ in range(count)]
        self._random = shuffle
        self._left: list[str] = []

    def deal(self) -> str:
        if not self._left:
            self._left = self._cards.copy()
            self._random.shuffle(self._left)
        return self._left.pop()
