"""The schedules come to every row of the decision tables: none is proven by never being taken."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from resolver import follower_core, kept
from resolver.follower_core import Do
from resolver.snapshot import Snapshot
from resolver.view import View
from tests.protocol.schedule import schedule_of, violation_of
from writer import cache_core, epoch_core, image_core, relay_core

SCHEDULES = 3_000
MODULES = (follower_core, kept, relay_core, epoch_core, cache_core, image_core)
EXPECTED = {
    "decide": set(relay_core.Do),
    "on_commit": {Do.NOTHING, Do.APPLY, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_reset": {Do.NOTHING, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_heartbeat": {Do.NOTHING, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_probe": {Do.NOTHING, Do.CATCH_UP, Do.DOUBT, Do.BOOTSTRAP},
    "on_head": {Do.NOTHING, Do.APPLY, Do.BOOTSTRAP},
    "on_row": {Do.APPLY, Do.BOOTSTRAP},
    "on_snapshot": {Do.APPLY, Do.BUMP},
    "on_hydrated": {Do.APPLY, Do.BUMP},
    "is_ahead": {True, False},
    "is_onward": {True, False},
    "is_due": {True, False},
    "_follows": {True, False},
    "is_lost": {True, False},
    "continues": {True, False},
}


#: Where a snapshot came from, and whether another was served already. Behind its own file no
#: process serves anything.
STARTS = {*itertools.product(("postgres", "redis"), (False, True)), ("file", False)}


def test_the_schedules_reach_every_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: Counter[tuple[str, Any]] = Counter()
    replace = View.replace

    def count(module: ModuleType, name: str) -> None:
        decide: Callable[..., Any] = getattr(module, name)

        def counted(*facts: Any, **more: Any) -> Any:
            decision = decide(*facts, **more)
            reached[name, decision] += 1
            return decision

        monkeypatch.setattr(module, name, counted)

    def replace_counted(view: View, snapshot: Snapshot, source: str, at: dt.datetime) -> None:
        reached["replace", (source, view.is_complete)] += 1
        replace(view, snapshot, source, at)

    for name in EXPECTED:
        for module in MODULES:
            if hasattr(module, name):
                count(module, name)
    monkeypatch.setattr(View, "replace", replace_counted)
    for seed in range(SCHEDULES):
        assert violation_of(schedule_of(seed)) is None
    wanted = {(name, decision) for name, decisions in EXPECTED.items() for decision in decisions}
    wanted |= {("replace", start) for start in STARTS}
    assert wanted - reached.keys() == set()
