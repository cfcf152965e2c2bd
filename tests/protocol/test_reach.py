"""The schedules come to every row of the decision tables: none is proven by never being taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from resolver import follower_core
from resolver.follower_core import Do
from tests.protocol.schedule import schedule_of, violation_of
from writer import cache_core, epoch_core, relay_core

SCHEDULES = 3_000
EXPECTED = {
    "decide": set(relay_core.Do),
    "on_commit": {Do.NOTHING, Do.APPLY, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_reset": {Do.NOTHING, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_heartbeat": {Do.NOTHING, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_probe": {Do.NOTHING, Do.CATCH_UP, Do.DOUBT, Do.BOOTSTRAP},
    "on_head": {Do.NOTHING, Do.APPLY, Do.BOOTSTRAP},
    "on_row": {Do.APPLY, Do.BOOTSTRAP},
    "on_snapshot": {Do.APPLY, Do.BUMP},
    "is_lost": {True, False},
    "continues": {True, False},
}


def test_the_schedules_reach_every_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: Counter[tuple[str, Any]] = Counter()

    def count(module: ModuleType, name: str) -> None:
        decide: Callable[..., Any] = getattr(module, name)

        def counted(*facts: Any, **more: Any) -> Any:
            decision = decide(*facts, **more)
            reached[name, decision] += 1
            return decision

        monkeypatch.setattr(module, name, counted)

    for name in EXPECTED:
        for module in (follower_core, relay_core, epoch_core, cache_core):
            if hasattr(module, name):
                count(module, name)
    for seed in range(SCHEDULES):
        assert violation_of(schedule_of(seed)) is None
    wanted = {(name, decision) for name, decisions in EXPECTED.items() for decision in decisions}
    assert wanted - reached.keys() == set()
