"""Running many schedules: what a process of the pool does, and how far all are."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from tests.protocol.schedule import Failure, failure_of

log = logging.getLogger(__name__)

#: Schedules that a process runs before it reports: a second or two.
CHUNK: Final = 1_000
_TELL_EVERY: Final = 50_000


def first_failure_in(seeds: Iterable[int]) -> Failure | None:
    return next(filter(None, map(failure_of, seeds)), None)


class Progress:
    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.done = 0

    def ran(self, count: int) -> None:
        self.done += count
        if self.done % _TELL_EVERY < count:
            log.info("%d of %d schedules", self.done, self._wanted)
