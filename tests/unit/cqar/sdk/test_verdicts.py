"""Every result with a verdict is true exactly if it allows."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from typing import Any

import msgspec
import pytest

import cqar.sdk
from cqar.sdk.enums import State
from cqar.sdk.results import Freshness, OrderCheck, Permission, Reason, Tradeable

WHY = (Reason("LISTING_HALTED", "venue_symbol", "k", "halted"),)
PERMISSIONS = (Permission(allowed=True), Permission(allowed=False, reasons=WHY))
FRESH = Freshness(1, 7, State.LIVE, 12)
VERDICTS: list[Any] = [
    *PERMISSIONS,
    *(Tradeable(a, b, c, d) for a, b, c, d in itertools.product(PERMISSIONS, repeat=4)),
    *(OrderCheck(allowed, WHY, None, None, None, FRESH) for allowed in (True, False)),
]


def test_every_result_with_a_verdict_is_tried_here() -> None:
    structs: set[type] = set()
    for module in pkgutil.iter_modules(cqar.sdk.__path__, "cqar.sdk."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                structs.add(value)
    allowing = {s for s in structs if hasattr(s, "allowed") or "allowed" in s.__struct_fields__}
    assert allowing == set(map(type, VERDICTS))


@pytest.mark.parametrize("verdict", VERDICTS, ids=repr)
def test_a_verdict_is_true_exactly_if_it_allows(verdict: Any) -> None:
    assert bool(verdict) is verdict.allowed
    if isinstance(verdict, Tradeable):
        assert verdict.allowed is verdict.open.allowed
