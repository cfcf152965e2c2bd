"""Which venue is next: each on its schedule, a few at the same time, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cqar.reconciler import round_schedule
from cqar.reconciler.config import ReconcilerConfig
from cqar.reconciler.round_metrics import RoundMetrics
from cqar.reconciler.rounds import ERROR, GOOD, STOPPED, WRITER_FAILED, RoundReport, RoundRunner
from cqar.reconciler.venue_state import VenueState, VenueStates

log = logging.getLogger(__name__)

#: The clock may be set meanwhile: the schedule is looked at this often.
LOOK_EVERY_S: Final = 1.0
WHY_CHARS_MAX: Final = 1_000


class RoundLoop:
    """Runs the venues' rounds.

    Args:
        now: Seconds since 1970.
        chance: From 0 to 1, anew with each call.
    """

    def __init__(
        self,
        settings: ReconcilerConfig,
        runner: RoundRunner,
        states: VenueStates,
        metrics: RoundMetrics,
        now: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._files = states
        self._metrics = metrics
        self._now = now
        self._chance = chance
        self._threads = ThreadPoolExecutor(settings.rounds_max, "round")
        self._running: dict[str, asyncio.Task[None]] = {}
        self.states = {v.venue_id: states.load(v.venue_id) for v in settings.venues}
        for state in self.states.values():
            interval_s = settings.interval_of(state.venue_id)
            state.due_s = round_schedule.after_start(
                *(now(), state.due_s, interval_s, chance()), is_failing=state.failures > 0
            )
            metrics.begin(state)

    @property
    def failing(self) -> list[str]:
        """Venues whose last round failed."""
        return [s.venue_id for s in self.states.values() if s.outcome not in ("", *GOOD)]

    async def run(self, stopping: asyncio.Event) -> None:
        """Begin rounds that are due, until `stopping` is set; then wait for those that run."""
        while not stopping.is_set():
            self._begin_due()
            waits = asyncio.create_task(stopping.wait())
            await asyncio.wait(
                {waits, *self._running.values()},
                timeout=LOOK_EVERY_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            waits.cancel()
        if self._running:
            await asyncio.wait(self._running.values())

    async def run_once(self, stopping: asyncio.Event) -> bool:
        """One round of each venue: whether all were applied."""
        for state in self.states.values():
            state.due_s, state.outcome = 0.0, ""
        left = list(self.states)
        while (left or self._running) and not stopping.is_set():
            while left and len(self._running) < self._settings.rounds_max:
                self._begin(self.states[left.pop(0)])
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
        if self._running:
            await asyncio.wait(self._running.values())
        return not self.failing and not left

    def close(self) -> None:
        """End the threads; a round that does not end keeps its own until the process ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin_due(self) -> None:
        now_s = self._now()
        due = [s for s in self.states.values() if s.venue_id not in self._running]
        due = sorted((s for s in due if (s.due_s or 0.0) <= now_s), key=lambda s: s.due_s or 0.0)
        for state in due[: self._settings.rounds_max - len(self._running)]:
            self._begin(state)

    def _begin(self, state: VenueState) -> None:
        task = asyncio.create_task(self._round(state))
        self._running[state.venue_id] = task

    async def _round(self, state: VenueState) -> None:
        loop = asyncio.get_running_loop()
        try:
            began_s = self._now()
            try:
                report = await loop.run_in_executor(self._threads, self._runner.run, state)
            except Exception as error:
                log.exception("%s: the round failed", state.venue_id)
                why = f"{type(error).__name__}: {error}"
                times = (began_s, self._now())
                report = RoundReport(state.venue_id, ERROR, why, *times, None, None, None)
            self._note(state, report)
            await loop.run_in_executor(self._threads, self._save, state)
        finally:
            self._running.pop(state.venue_id, None)

    def _note(self, state: VenueState, report: RoundReport) -> None:
        """Say how a round ended, and when the next one begins."""
        state.tried_s, state.outcome = report.ended_s, report.outcome
        state.why = report.why[:WHY_CHARS_MAX]
        interval_s, chance = self._settings.interval_of(state.venue_id), self._chance()
        now_s = self._now()
        if report.outcome in GOOD:
            state.failures = state.writer_failures = 0
            state.good_s = report.began_s
            state.due_s = round_schedule.after_success(report.began_s, now_s, interval_s, chance)
        elif report.outcome == STOPPED:
            state.due_s = now_s
        elif report.outcome in (WRITER_FAILED, ERROR):
            state.writer_failures += 1
            state.due_s = round_schedule.after_writer_failure(now_s, state.writer_failures, chance)
        else:
            state.failures += 1
            state.due_s = round_schedule.after_failure(
                *(now_s, state.failures, interval_s, self._settings.backoff_s_max, chance),
                report.retry_after_s,
            )
        self._metrics.note(state, report)
        _log(state, report, now_s)

    def _save(self, state: VenueState) -> None:
        try:
            self._files.save(state)
        except OSError as error:
            log.warning("%s: what is noted of it is not written: %s", state.venue_id, error)


def _log(state: VenueState, report: RoundReport, now_s: float) -> None:
    took_s, next_s = report.ended_s - report.began_s, (state.due_s or now_s) - now_s
    if report.done is None:
        text = "%s: %s after %.1f s, again in %.0f s: %s"
        log.warning(text, state.venue_id, report.outcome, took_s, next_s, report.why)
        return
    plan, applied = report.done.plan, report.done.applied
    log.info(
        "%s: %d records, %d listed, %d changed, %d ended, %d findings in %.1f s at revision %d,"
        " again in %.0f s",
        *(state.venue_id, plan.reading.records, len(plan.listed), len(plan.changed)),
        *(len(plan.delisted), len(plan.findings), took_s, applied.revision if applied else 0),
        next_s,
    )
