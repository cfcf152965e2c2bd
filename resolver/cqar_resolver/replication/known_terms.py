"""Which database is the registry's, as far as this resolver has heard.

After a failover two databases may answer: the one that was promoted, and an old primary that
nobody stopped. What a writer or PostgreSQL says names the database's term; of two, the later is
the registry's, and what comes of the earlier is not used.
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

#: What says a term, here and in a metric's label.
TermSource = Literal["postgres", "stream", "probe"]
#: A term that nobody said again for this long is forgotten: no signature covers it, so a forged one
#: must not last. Ten probes.
UNHEARD_S: Final = 10.0


class KnownTerms:
    """Remembers the latest term that was heard of, as long as it is heard."""

    def __init__(self, clock: Callable[[], float] = boot_clock_s) -> None:
        self._clock = clock
        self._latest = NO_TERM
        self._heard_s = clock()

    @property
    def latest(self) -> Term:
        """Forgotten when it is not heard any more."""
        if self._clock() - self._heard_s >= UNHEARD_S:
            self._latest = NO_TERM
        return self._latest

    def takes(self, head: replication_pb2.Head, said: TermSource) -> bool:
        """Whether to use a head; one that is refused is counted and logged.

        A later term is remembered where a writer or PostgreSQL said it: the stream holds what was
        published long ago, and by anybody who may publish.
        """
        term, latest = term_of(head), self.latest
        if is_earlier(term, latest):
            metrics.EARLIER_TERM.labels(said).inc()
            log.debug("%s: %s, and the registry's is %s", said, term, latest)
            return False
        if said != "stream" and term.timeline != NO_TERM.timeline:
            if latest not in (NO_TERM, term):
                log.warning("another database is the registry's: %s, after %s", term, latest)
            self._latest, self._heard_s = term, self._clock()
        return True
