"""Counts reports of refused orders, and makes the finding once there are enough.

A report never changes what the registry says. One actor, with however many keys, counts as one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.domain.finding_policy import FindingRule
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.finding import FINDING, Finding
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.domain.planned_batch import PlannedBatch
from cqar_shared.errors import TooMany
from cqar_shared.runtime.token_bucket import TokenBuckets
from cqar_writer import metrics
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.mutations import Cause, Mutations
from cqar_writer.rejects.doubting import ACTOR, Doubted, finding_of, plan_doubt, stands
from cqar_writer.rejects.reject_reasons import doubts, name_of
from cqar_writer.store import entity_rows, reject_rows
from cqar_writer.store.reject_rows import RejectTotal, ReportedReject

#: Spellings, reasons and hours that are counted of one actor.
ROWS_EACH: Final = 2_000
#: Reports of one actor in a second; two seconds' worth may come at once.
REPORTS_PER_S: Final = 20.0
KEPT_FOR: Final = dt.timedelta(days=7)
PURGED_AT_ONCE: Final = 10_000
PURGE_EVERY_S: Final = 3_600.0
PAUSE_S: Final = 1.0


class RejectThreshold(NamedTuple):
    """How many reports make a finding, of how many actors, within which time."""

    reports: int = 5
    actors: int = 3
    window: dt.timedelta = dt.timedelta(hours=1)


class CountedReject(NamedTuple):
    """What is known of a report's spelling and reason, the report counted."""

    reports: int
    actors: int
    finding_id: str


class RejectCounter:
    """Counts reports.

    Args:
        policy: What is done with the findings that they make.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        database: PrimaryDatabase,
        mutations: Mutations,
        policy: Sequence[FindingRule],
        threshold: RejectThreshold,
    ) -> None:
        self._engine = engine
        self._database = database
        self._mutations = mutations
        self._policy = policy
        self._threshold = threshold
        self._rates = TokenBuckets(REPORTS_PER_S)

    def require_rate(self, actor: str) -> None:
        """Refuse an actor that reports too much at once.

        Raises:
            TooMany: It does.
        """
        if (wait_s := self._rates.take(actor)) > 0:
            metrics.REJECTS_REFUSED.inc()
            raise TooMany(f"{actor} reports too much at once: again in {wait_s:.2f} s")

    async def count(self, report: ReportedReject) -> CountedReject:
        """Count a report.

        Raises:
            TooMany: The actor reported so many spellings that no more are counted.
        """
        async with self._engine.begin() as tx:
            await self._database.place(tx)
            if not await reject_rows.has_room(tx, report.actor, ROWS_EACH):
                metrics.REJECTS_REFUSED.inc()
                text = f"{report.actor} reported {ROWS_EACH} spellings, reasons and hours"
                raise TooMany(f"{text} within {KEPT_FOR.days} days: no more are counted")
            await reject_rows.add(tx, report)
            finding = finding_of(report, await _load(tx, VENUE_SYMBOL, report.listing_id))
            before: Finding | None = await _load(tx, FINDING, finding.finding_id)
            since = self._mutations.now() - self._threshold.window
            # What was reported before it was decided counts no more.
            decided_at = before.decided_at if before is not None else None
            totals = await reject_rows.totals(tx, report, max(since, decided_at or since))
        metrics.REJECTS_REPORTED.labels(name_of(report.reason)).inc()
        reports, actors = sum(t.reports for t in totals), len(totals)
        is_enough = reports >= self._threshold.reports and actors >= self._threshold.actors
        if not is_enough or not doubts(report.reason):
            return CountedReject(reports, actors, "")
        finding_id = finding.finding_id
        if not stands(before):
            finding_id = await self._doubt(report, totals) or finding_id
        return CountedReject(reports, actors, finding_id)

    async def _doubt(self, report: ReportedReject, totals: Sequence[RejectTotal]) -> str:
        """Make the finding, and return its id; empty: another report made it meanwhile."""
        plan = partial(plan_doubt, Doubted(report, totals, self._policy))
        cause = Cause(ACTOR, f"{report.venue_id} refuses orders of {report.venue_symbol}")
        applied = await self._mutations.apply_planned(PlannedBatch[None](plan), cause)
        if applied.committed:
            metrics.REJECTS_DOUBTING.inc()
        return next((o.key for o in applied.outcomes if o.kind is FINDING), "")

    async def purge(self) -> None:
        """Forget what is older than `KEPT_FOR`, once an hour, until cancelled."""
        while True:
            async with self._engine.begin() as tx:
                await self._database.place(tx)
                before = self._mutations.now() - KEPT_FOR
                count = await reject_rows.purge(tx, before, PURGED_AT_ONCE)
            await asyncio.sleep(PAUSE_S if count == PURGED_AT_ONCE else PURGE_EVERY_S)


async def _load(tx: AsyncConnection, kind: AnyKind, key: str | None) -> Any:
    """An entity, or None."""
    if not key:
        return None
    found = await entity_rows.load(tx, [(kind.name, key)])
    return next((stored.entity for stored in found.values()), None)
