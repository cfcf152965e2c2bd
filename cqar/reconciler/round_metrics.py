"""What rounds tell, as metrics."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Final, NamedTuple

from cqar.importer.apply import ApplyResult
from cqar.importer.plan import Plan
from cqar.reconciler import metrics
from cqar.reconciler.answer_store import AnswerStore
from cqar.reconciler.rounds import OUTCOMES, RoundReport, RoundRunner
from cqar.reconciler.venue_state import VenueState
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.finding import UNDECIDED, Finding

#: Label -> age in seconds below which a finding has it.
AGES: Final = (("under_1h", 3_600.0), ("under_1d", 86_400.0), ("under_7d", 7 * 86_400.0))
OLDER: Final = "older"
OTHER_KIND: Final = "OTHER"
_KINDS: Final = frozenset(kind.value for kind in FindingKind)


class _Open(NamedTuple):
    kind: str
    opened_s: float


class RoundMetrics:
    """Counts what rounds report. Called on the event loop only."""

    def __init__(self, runner: RoundRunner, store: AnswerStore) -> None:
        self._runner = runner
        self._store = store
        #: Venue -> finding -> what it is: an operator's are known of each of its venues.
        self._open: dict[str, dict[str, _Open]] = {}
        self._shown: set[tuple[str, str]] = set()

    def begin(self, state: VenueState) -> None:
        """Show a venue before its first round."""
        metrics.GOOD_ANSWER.labels(state.venue_id).set(state.good_s or 0.0)
        metrics.FAILURES.labels(state.venue_id).set(state.failures)
        for outcome in OUTCOMES:
            metrics.ROUNDS.labels(state.venue_id, outcome)

    def note(self, state: VenueState, report: RoundReport) -> None:
        venue_id = state.venue_id
        metrics.ROUNDS.labels(venue_id, report.outcome).inc()
        metrics.ROUND_SECONDS.observe(max(0.0, report.ended_s - report.began_s))
        metrics.FAILURES.labels(venue_id).set(state.failures)
        metrics.GOOD_ANSWER.labels(venue_id).set(state.good_s or 0.0)
        metrics.ANSWER_BYTES.set(self._store.stored_bytes)
        metrics.ANSWER_ROUNDS.set(self._store.rounds)
        metrics.PRODUCT_LOADS.set(self._runner.products.loads)
        if report.reading is not None:
            for outcome, count in report.reading.outcomes.items():
                metrics.ROWS.labels(venue_id, outcome).set(count)
            metrics.NEW_FIELDS.labels(venue_id).set(len(report.reading.new_fields))
        if report.done is not None and report.done.applied is not None:
            _count_changes(venue_id, report.done.plan, report.done.applied)
            self._open[venue_id] = _undecided(report.done.plan, report.ended_s)
        self._show_findings(report.ended_s)

    def _show_findings(self, now_s: float) -> None:
        known = {i: one for found in self._open.values() for i, one in found.items()}
        counts = Counter((_kind(one.kind), _age(now_s - one.opened_s)) for one in known.values())
        for kind, age in self._shown - counts.keys():
            metrics.FINDINGS.labels(kind, age).set(0)
        for (kind, age), count in counts.items():
            metrics.FINDINGS.labels(kind, age).set(count)
        self._shown |= counts.keys()


def _count_changes(venue_id: str, plan: Plan, applied: ApplyResult) -> None:
    counts = {
        "LISTED": len(plan.listed),
        "CHANGED": len(plan.changed),
        "ENDED": len(plan.delisted),
        "DOUBTED": len(plan.doubted),
        "NEW_ASSET": len(plan.new_assets),
        "NEW_SYMBOL": len(plan.new_symbols),
        "REJECTED": len(plan.rejected) + len(applied.rejected),
    }
    for change, count in counts.items():
        metrics.CHANGES.labels(venue_id, change).inc(count)
    for kind, count in Counter(_kind(finding.kind) for finding in plan.findings).items():
        metrics.FOUND.labels(kind).inc(count)


def _undecided(plan: Plan, now_s: float) -> dict[str, _Open]:
    """What waits for people after a round."""
    over = {finding.finding_id for finding in plan.superseded}
    known = [f for f in plan.state.known_findings.values() if f.state in UNDECIDED]
    new = [f for f in plan.findings if f.state is None]
    found = [f for f in (*known, *new) if f.finding_id not in over and not _is_applied(f)]
    return {f.finding_id: _Open(f.kind, _opened_s(f.opened_at, now_s)) for f in found}


def _is_applied(finding: Finding) -> bool:
    return finding.state is None and finding.action is not None and finding.action.name == "APPLY"


def _kind(kind: str) -> str:
    """A kind as a label: people may make findings of any other kind."""
    return kind if kind in _KINDS else OTHER_KIND


def _opened_s(at: dt.datetime | None, now_s: float) -> float:
    return at.timestamp() if at is not None else now_s


def _age(seconds: float) -> str:
    return next((name for name, limit in AGES if seconds < limit), OLDER)
