"""Stories of `../shared/cases`: what is known, a venue's answers, and what must be concluded."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import msgspec

#: Beside the project: read where they lie.
CASES: Final = Path(__file__).resolve().parents[3] / "shared" / "cases"


class Step(msgspec.Struct, frozen=True):
    """An import, a decision, or a list.

    Attributes:
        answers: Request -> the venue's answer as it wrote it.
        prices: The same of requests for tickers, taken with them.
        decide, list: Whether it is such a step, and of which sort.
        finding, field, about, by, choice: Of a decision: which finding (or which field's), and who
            agrees one after the other; what is decided, where the proposal leaves a choice.
        name: Of a list.
    """

    at: dt.datetime
    venue: str = ""
    answers: dict[str, msgspec.Raw] = {}
    prices: dict[str, msgspec.Raw] = {}
    decide: str = ""
    list: str = ""
    name: str = ""
    finding: str | tuple[str, ...] = ()
    field: str = ""
    about: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    choice: dict[str, str] = msgspec.field(default_factory=dict, name="as")

    @property
    def is_import(self) -> bool:
        return not self.decide and not self.list


class Case(msgspec.Struct, frozen=True):
    """A file.

    Attributes:
        registry: What is known before, item by item: `{"asset": {…}}`.
        expect: Claims, each `after` so many steps.
    """

    registry: list[dict[str, dict[str, Any]]]
    steps: list[Step]
    expect: list[dict[str, Any]]

    @property
    def venues(self) -> list[str]:
        return list(dict.fromkeys(step.venue for step in self.steps if step.is_import))


def case_names() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.json"))


def read_case(name: str) -> Case:
    return msgspec.json.decode((CASES / f"{name}.json").read_bytes(), type=Case)


#: The key of a claim that says what it is about.
KINDS: Final = (
    *("resolve", "same_asset", "same_symbol", "finding", "no_finding", "change", "outcome"),
    *("upcoming", "base_quantity", "check_order", "convert", "spelling", "relationship"),
    *("deployment", "no_deployment", "codes_of", "chain", "venue"),
)


def kind_of(claim: dict[str, Any]) -> str:
    """What a claim is about."""
    return next(kind for kind in KINDS if kind in claim)
