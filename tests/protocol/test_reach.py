"""The schedules come to every row of the decision tables: none is proven by never being taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from resolver import follower_core, kept
from resolver.database import Busy
from resolver.follower_core import Do
from resolver.view import View
from shared import image
from tests.protocol import fencing
from tests.protocol.database import Database
from tests.protocol.pausing import Away
from tests.protocol.schedule import schedule_of, violation_of
from writer import cache_core, epoch_core, image_core, relay_core, terms_core
from writer.terms_core import Remedy, Verdict

SCHEDULES = 3_000
OWNERS = (
    *(follower_core, kept, relay_core, epoch_core, cache_core, image_core, terms_core),
    *(View, Database, fencing),
)
EXPECTED: dict[str, set[Any]] = {
    "decide": set(relay_core.Do),
    "on_commit": {Do.NOTHING, Do.APPLY, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_reset": {Do.NOTHING, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_heartbeat": {Do.NOTHING, Do.CATCH_UP, Do.BOOTSTRAP},
    "on_probe": {Do.NOTHING, Do.CATCH_UP, Do.DOUBT, Do.BOOTSTRAP},
    "on_head": {Do.NOTHING, Do.APPLY, Do.BUMP, Do.BOOTSTRAP},
    "is_other": {True, False},
    "is_on_the_way": {True, False},
    "is_before": {True, False},
    "is_earlier": {True, False},
    "judge": set(Verdict),
    "is_to_be_compared": {True, False},
    "remedy": set(Remedy),
    "is_later": {True, False},
    "on_row": {Do.APPLY},  # what does not follow is found by the row that is held
    "on_snapshot": {Do.APPLY, Do.BUMP},
    "on_hydrated": {Do.APPLY, Do.BUMP},
    "is_ahead": {True, False},
    "is_near": {True, False},
    "is_onward": {(True, "nothing"), (True, "something"), (False, "something")},
    "is_due": {True, False},
    "_follows": {True},  # what does not is found by its tag before
    "hydrate": {"loaded", Busy, Away},
    "read": {"an image", "with more", image.Damaged},
    "tail_of": {"none", True, False},
    "replace": {"postgres", "redis", "file"},
    "is_lost": {True, False},
    "continues": {True, False},
}
#: What is counted of a decision that is more than a value: from it and what it was made of.
TOLD: dict[str, Callable[..., Any]] = {
    "hydrate": lambda *_: "loaded",
    "read": lambda found, *_: "with more" if found.since else "an image",
    "tail_of": lambda head, newest: "none" if newest is None else head is not None,
    "is_onward": lambda onward, held, _: (onward, "nothing" if held is None else "something"),
    "replace": lambda *facts: facts[3],
}


class Reached(Counter[tuple[str, Any]]):
    """What was decided or raised, and how often."""

    def watch(self, patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        decide: Callable[..., Any] = getattr(owner, name)
        told = TOLD.get(name, lambda decision, *_: decision)

        def counted(*facts: Any, **more: Any) -> Any:
            try:
                decision = decide(*facts, **more)
            except (Away, Busy, image.Damaged) as error:
                self[name, type(error)] += 1
                raise
            self[name, told(decision, *facts)] += 1
            return decision

        patch.setattr(owner, name, counted)


def test_the_schedules_reach_every_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = Reached()
    for name in EXPECTED:
        for owner in OWNERS:
            if hasattr(owner, name):
                reached.watch(monkeypatch, owner, name)
    for seed in range(SCHEDULES):
        assert violation_of(schedule_of(seed)) is None
    wanted = {(name, decision) for name, decisions in EXPECTED.items() for decision in decisions}
    assert wanted - reached.keys() == set()
