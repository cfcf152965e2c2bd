"""A round's look at the form of its answers: what changed, and what is the form from now on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from cqar.importer.answer_forms import AnswerForm
from cqar.importer.form_findings import form_findings, forms_of, superseded
from cqar.importer.plan import Plan
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.saved_answers import DecodedAnswer
from cqar.reconciler.venue_state import VenueState
from cqar_shared.domain.kinds.finding import Finding, FindingState

#: A person said that the form may be so.
_DECIDED = (FindingState.APPROVED, FindingState.REJECTED)


class FormWatch:
    """One round's answers beside the last good ones.

    Args:
        state: Its forms are the last good ones; `keep` replaces them.
    """

    def __init__(
        self,
        line: ProductLine,
        state: VenueState,
        answers: Iterable[DecodedAnswer],
        at: dt.datetime,
    ) -> None:
        self._line = line
        self._state = state
        self._forms: dict[str, AnswerForm] = forms_of(line, answers, at)
        #: What another reader, or another version of it, took is no measure.
        self._before = state.forms if state.reader == line.reader else {}
        self._changed: set[str] = set()

    def of_refused(self, *, is_read: bool) -> Sequence[Finding]:
        """What answers lack that were not applied.

        Args:
            is_read: Whether the reader took them.
        """
        venue_id = self._state.venue_id
        return form_findings(self._line, venue_id, self._before, self._forms, is_read=is_read)

    def of_plan(self, plan: Plan) -> Sequence[Finding]:
        """What the answers lack that were read, and which findings of before are over."""
        venue_id, known = self._state.venue_id, plan.state.known_findings
        found = form_findings(
            *(self._line, venue_id, self._before, self._forms), plan.state.rules, is_read=True
        )
        self._changed = {
            difference.before.partition(", in ")[2]
            for finding in found
            if not _is_decided(known.get(finding.finding_id))
            for difference in finding.differences or ()
            if difference.before
        }
        open_ = [f for f in found if not _is_decided(known.get(f.finding_id))]
        new = [f for f in open_ if f.finding_id not in known]
        return [*new, *superseded(known.values(), venue_id, open_)]

    def keep(self) -> None:
        """Take the forms of answers that were applied; one that has changed waits for people."""
        kept = {name: form for name, form in self._before.items() if name not in self._forms}
        for name, form in self._forms.items():
            kept[name] = self._before[name] if name in self._changed else form
        self._state.forms, self._state.reader = kept, self._line.reader


def _is_decided(finding: Finding | None) -> bool:
    return finding is not None and finding.state in _DECIDED
