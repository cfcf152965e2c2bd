"""One round of one venue: ask it, keep its answers, run the importer's round, say how it ended.

Rounds of several venues run beside each other in threads. They wait for venues at the same time;
what takes the processor, and the copy of the registry's products, is one round's at a time.
"""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from cqar.admin.connection import CallFailed, Connection
from cqar.importer.answer_reader import Reading
from cqar.importer.apply import apply_entities
from cqar.importer.fetching import (
    Asking,
    BaseUrls,
    Fetched,
    FetchFailed,
    LiveAnswers,
    VenueHttp,
    fetch_all,
)
from cqar.importer.missing import MassChange
from cqar.importer.newer_answers import OldAnswer, ReadMeanwhile
from cqar.importer.plan import OutOfOrder, Plan
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.registry import reader_of
from cqar.importer.registry_products import Products
from cqar.importer.saved_answers import UnusableAnswer
from cqar.importer.venue_round import (
    Answers,
    RoundOptions,
    VenueRound,
    from_answers,
    run_round,
)
from cqar.reconciler.answer_store import AnswerStore
from cqar.reconciler.form_watch import FormWatch
from cqar.reconciler.round_index import APPLIED, KeptAnswer
from cqar.reconciler.venue_state import VenueState
from cqar_shared.domain.kinds.finding import FINDING, Finding
from cqar_shared.domain.kinds.venue import Venue

log = logging.getLogger(__name__)

FETCH_FAILED: Final = "FETCH_FAILED"
UNUSABLE: Final = "UNUSABLE"
OLD_ANSWER: Final = "OLD_ANSWER"
READ_MEANWHILE: Final = "READ_MEANWHILE"
MASS_CHANGE: Final = "MASS_CHANGE"
WRITER_FAILED: Final = "WRITER_FAILED"
STOPPED: Final = "STOPPED"
ERROR: Final = "ERROR"
OUTCOMES: Final = (
    *(APPLIED, READ_MEANWHILE, FETCH_FAILED, UNUSABLE, OLD_ANSWER, MASS_CHANGE, WRITER_FAILED),
    *(STOPPED, ERROR),
)
#: After which the registry has what the venue says.
GOOD: Final = (APPLIED, READ_MEANWHILE)
VERB: Final = "reconciliation"


class Stopped(Exception):
    """The process is told to stop: what waits does not go on."""


#: What a round may end by; anything else is a bug.
EXPECTED: Final = (CallFailed, UnusableAnswer, MassChange, OutOfOrder, Stopped)


class RoundReport(NamedTuple):
    """How a round ended.

    Attributes:
        why: What was wrong, for people; empty if nothing was.
        retry_after_s: As long as the venue wants to be left alone for.
        reading: What the answers said, if they were read.
        done: What was applied, if anything was.
    """

    venue_id: str
    outcome: str
    why: str
    began_s: float
    ended_s: float
    retry_after_s: float | None
    reading: Reading | None
    done: VenueRound | None


class RoundRunner:
    """Runs rounds; thread-safe.

    Args:
        connection: The writer's.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        connection: Connection,
        http: VenueHttp,
        base_urls: BaseUrls,
        store: AnswerStore,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._http = http
        self._base_urls = base_urls
        self._store = store
        self._now = now
        self._processor = threading.Lock()
        self.products = Products()

    def run(self, state: VenueState) -> RoundReport:
        """One round of a venue; whatever is wrong with it stands in the report.

        Args:
            state: The venue's; the forms of good answers are noted in it.
        """
        return _Round(self, state).run()

    # What a round needs of the runner; a round is no more than its venue's part of it.

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def processor(self) -> threading.Lock:
        return self._processor

    @property
    def store(self) -> AnswerStore:
        return self._store

    def now(self) -> float:
        return self._now()

    def asking(self, venue_id: str, keep: Callable[[str, Fetched], None]) -> Asking:
        return Asking(self._http, self._base_urls, venue_id, keep)


class _Round:
    """What one round has learnt so far."""

    def __init__(self, runner: RoundRunner, state: VenueState) -> None:
        self._runner = runner
        self._state = state
        self._kept: list[KeptAnswer] = []
        self._reading: Reading | None = None
        self._watch: FormWatch | None = None
        self._retry_after_s: float | None = None

    def run(self) -> RoundReport:
        runner, venue_id = self._runner, self._state.venue_id
        began_s, outcome, why = runner.now(), ERROR, ""
        done: VenueRound | None = None
        # The instant by which the answers are kept: read again, they are of no other one.
        options = RoundOptions(now=dt.datetime.fromtimestamp(began_s, dt.UTC), verb=VERB)
        try:
            done = run_round(
                *(runner.connection, venue_id, self._take, options),
                products=runner.products,
                also=self._findings,
                turn=runner.processor,
            )
            outcome = APPLIED
            self._note_taken()
            if self._watch is not None:
                self._watch.keep()
        except EXPECTED as error:
            outcome, why = self._failed(error), str(error)
        finally:
            self._end(began_s, outcome)
        ended_s, left_alone_s = runner.now(), self._retry_after_s
        return RoundReport(
            *(venue_id, outcome, why, began_s, ended_s, left_alone_s, self._reading, done)
        )

    def _end(self, began_s: float, outcome: str) -> None:
        """Note which answers the round had."""
        try:
            self._runner.store.add(self._state.venue_id, began_s, outcome, self._kept)
        except (OSError, sqlite3.Error) as error:
            log.warning("%s: the round's answers are not kept: %s", self._state.venue_id, error)

    def _take(self, venue: Venue) -> Reading:
        """Ask the venue, and read what it says.

        Raises:
            UnusableAnswer: It does not answer with its listing, or nobody reads the venue.
        """
        line = reader_of(venue.venue_id, venue.metadata)
        if line is None:
            raise UnusableAnswer(f"{venue.venue_id} has no reader: cqar import --list-venues")
        live = fetch_all(line, self._runner.asking(venue.venue_id, self._keep))
        now = dt.datetime.fromtimestamp(self._runner.now(), dt.UTC)
        with self._runner.processor:
            self._watch = FormWatch(line, self._state, live.answers, now)
            self._reading = _read(line, live, now)
        self._require_newest(self._reading)
        return self._reading

    def _require_newest(self, reading: Reading) -> None:
        """Refuse what a cache on the way answers anew.

        Raises:
            OldAnswer: It states an earlier time than answers that were applied.
        """
        taken_at, newest_s = reading.taken_at, self._state.taken_s
        if taken_at is not None and newest_s is not None and taken_at.timestamp() < newest_s:
            newest = dt.datetime.fromtimestamp(newest_s, dt.UTC)
            raise OldAnswer(f"it was taken at {taken_at}: what was applied, at {newest}")

    def _note_taken(self) -> None:
        """Note the answers' own time; one in the future, of a wrong clock, counts as now."""
        if self._reading is not None and self._reading.taken_at is not None:
            self._state.taken_s = min(self._reading.taken_at.timestamp(), self._runner.now())

    def _keep(self, name: str, fetched: Fetched) -> None:
        try:
            answer = self._runner.store.put(name, fetched.content, fetched.at.timestamp())
        except (OSError, sqlite3.Error) as error:
            log.warning("%s: %s is not kept: %s", self._state.venue_id, name, error)
        else:
            self._kept.append(answer)

    def _findings(self, plan: Plan) -> list[Finding]:
        return [] if self._watch is None else [*self._watch.of_plan(plan)]

    def _failed(self, error: Exception) -> str:
        """The outcome of a round that was not applied."""
        if isinstance(error, FetchFailed):
            self._retry_after_s = error.retry_after_s
            return FETCH_FAILED
        if isinstance(error, CallFailed):
            return WRITER_FAILED
        if isinstance(error, ReadMeanwhile):
            return READ_MEANWHILE
        if isinstance(error, OldAnswer):
            return OLD_ANSWER
        if isinstance(error, UnusableAnswer | MassChange):
            self._state_form(is_read=self._reading is not None)
            return MASS_CHANGE if isinstance(error, MassChange) else UNUSABLE
        return STOPPED if isinstance(error, Stopped) else ERROR

    def _state_form(self, *, is_read: bool) -> None:
        """Send what the answers lack, though nothing of them was applied."""
        if self._watch is None:
            return
        found = self._watch.of_refused(is_read=is_read)
        reason = f"{VERB} of {self._state.venue_id}, refused"
        try:
            if found:
                apply_entities(self._runner.connection, [(FINDING, f) for f in found], reason)
        except CallFailed as error:
            log.warning("%s: the change of form is not stated: %s", self._state.venue_id, error)


def _read(line: ProductLine, live: LiveAnswers, now: dt.datetime) -> Reading:
    return from_answers(line, Answers(live.answers, live.tickers, now, live.failed))
