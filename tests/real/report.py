"""How many rows of each source were accepted, and which were rejected for what."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from cqar_shared.domain.evaluation import Result
from tests.real.rule_evaluation import EvaluatedRow


class Reason(NamedTuple):
    """Which rule refused which field; a member's field without its number."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field} {self.reason}"


@dataclass(slots=True)
class Tally:
    """One source.

    Attributes:
        silent: Rows that state nothing a registry holds, by why.
        rejected: Rows, by what is wrong; one with two faults stands under both.
        results: What became of the rows' entities.
    """

    rows: int = 0
    accepted: int = 0
    silent: Counter[str] = field(default_factory=Counter)
    rejected: defaultdict[Reason, list[EvaluatedRow]] = field(
        default_factory=lambda: defaultdict(list)
    )
    results: Counter[str] = field(default_factory=Counter)

    @property
    def rejected_rows(self) -> int:
        return self.rows - self.accepted - self.silent.total()

    def add(self, judged: EvaluatedRow) -> None:
        self.rows += 1
        self.results.update(outcome.result.name for outcome in judged.outcomes)
        found = {Reason(re.sub(r"\[\d+\]", "[]", v.field), v.reason) for v in judged.violations}
        if judged.row.silent:
            self.silent[judged.row.silent] += 1
        elif any(outcome.result is Result.REJECTED for outcome in judged.outcomes):
            for reason in found:
                self.rejected[reason].append(judged)
        else:
            self.accepted += 1


def tally(judged: Iterable[EvaluatedRow]) -> dict[str, Tally]:
    """By source, in the order in which they were read."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for one in judged:
        tallies[one.row.source].add(one)
    return dict(tallies)
