"""Which database is the registry's, as far as this resolver knows.

After a failover two databases may answer: the promoted one, and an old primary that nobody stopped.
Each head states its database's term. The database of the later term is the registry's; heads of an
earlier one are not used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal

from cqc.replication.v1 import replication_pb2

from cqar_resolver import metrics
from cqar_resolver.replication.freshness import boot_clock_s
from cqar_resolver.replication.protocol import is_earlier
from cqar_shared.replication.positions import NO_TERM, Term, term_of

log = logging.getLogger(__name__)

#: Where a head came from; a metric's label.
TermSource = Literal["postgres", "stream", "probe"]
#: A term that was not stated again for this long (ten probes) is forgotten. No signature covers it,
#: so a forged one must not last.
UNHEARD_S: Final = 10.0


class KnownTerms:
    """Remembers the latest term, as long as it is stated again and again."""

    def __init__(self, clock: Callable[[], float] = boot_clock_s) -> None:
        self._clock = clock
        self._latest = NO_TERM
        self._heard_s = clock()

    @property
    def latest(self) -> Term:
        """The latest term; none if it was not stated for `UNHEARD_S`."""
        if self._clock() - self._heard_s >= UNHEARD_S:
            self._latest = NO_TERM
        return self._latest

    def takes(self, head: replication_pb2.Head, source: TermSource) -> bool:
        """Whether to use a head; a refused one is counted and logged.

        A later term is remembered if a writer or PostgreSQL stated it. The stream does not count:
        it holds old messages, and those of anybody who may publish.
        """
        term, latest = term_of(head), self.latest
        if is_earlier(term, latest):
            metrics.EARLIER_TERM.labels(source).inc()
            log.debug("%s: %s, and the registry's is %s", source, term, latest)
            return False
        if source != "stream" and term.timeline != NO_TERM.timeline:
            if latest not in (NO_TERM, term):
                log.warning("another database is the registry's: %s, after %s", term, latest)
            self._latest, self._heard_s = term, self._clock()
        return True
