"""The claims of cases that issue 18 ("Which coin is it") will make hold, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.cases.case_files import Case, case_names, kind_of, read_case

#: Nothing in the product can be asked that yet.
UNASKED: Final = frozenset({"convert"})

UNIT: Final = "a small unit is not recorded as a code of its asset"
#: Case -> why -> places of claims, which do not hold.
LEFT_OUT: Final[dict[str, dict[str, tuple[int, ...]]]] = {}


class LeftOut(NamedTuple):
    case: str
    place: int
    kind: str
    why: str


def left_out(name: str, case: Case) -> dict[int, str]:
    """The claims of a case that are not judged, or must not hold: place -> why."""
    found = {place: why for why, places in LEFT_OUT.get(name, {}).items() for place in places}
    return found | unjudged(case)


def unjudged(case: Case) -> dict[int, str]:
    """The claims of a case that nothing can be asked about."""
    found = {}
    for place, claim in enumerate(case.expect):
        if kind_of(claim) in UNASKED:
            found[place] = f"a {kind_of(claim)} cannot be asked for"
    return found


def all_left_out() -> Iterator[LeftOut]:
    """Every claim that is left out, with why."""
    for name in case_names():
        case = read_case(name)
        for place, why in sorted(left_out(name, case).items()):
            yield LeftOut(name, place, kind_of(case.expect[place]), why)
