"""How far this process has written the keys of the cache that it wrote last. Pure.

A value's tag does not tell the newest of a key from one that stood there before it. Who wrote the
newest remembers: whatever is put back over it, is not read here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cqar_shared.redis_store.cache_format import CacheCursor

#: Keys, at some 150 bytes each.
KEYS_MAX: Final = 10_000


class WriteProgress:
    """The revision of each key, of one generation."""

    def __init__(self) -> None:
        self._generation = b""
        self._revisions: dict[str, int] = {}

    def note(self, cursor: CacheCursor, keys: Iterable[str]) -> None:
        """Keys were written as of a cursor: from now on none of them is older."""
        if cursor.generation != self._generation:
            self._generation = cursor.generation
            self._revisions.clear()
        for key in keys:
            before = self._revisions.pop(key, 0)  # to the end, as the newest
            self._revisions[key] = max(before, cursor.at.revision)
        while len(self._revisions) > KEYS_MAX:
            del self._revisions[next(iter(self._revisions))]

    def least(self, cursor: CacheCursor, key: str) -> int:
        """The revision that a key's value must have at least; 0 where that is not known."""
        return self._revisions.get(key, 0) if cursor.generation == self._generation else 0
