"""The schedules come to every row of the decision tables: none is proven by never being taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.replication import protocol
from cqar_resolver.replication.postgres import LoadTurnsTaken
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.replication import image
from cqar_writer.protocol import cache_schedule, epoch_rules, image_schedule, relay, terms
from cqar_writer.protocol.terms import Remedy, Verdict
from tests.protocol import fencing
from tests.protocol.database import Database
from tests.protocol.pausing import Away
from tests.protocol.schedule import schedule_of, violation_of

SCHEDULES = 3_000
OWNERS = (
    *(protocol, checkpoint_format, relay, epoch_rules, cache_schedule, image_schedule, terms),
    *(ReplicaState, Database, fencing),
)
EXPECTED: dict[str, set[Any]] = {
    "decide": set(relay.RelayAction),
    "on_commit": {Action.NOTHING, Action.APPLY, Action.CATCH_UP, Action.BOOTSTRAP},
    "on_reset": {Action.NOTHING, Action.CATCH_UP, Action.BOOTSTRAP},
    "on_heartbeat": {Action.NOTHING, Action.CATCH_UP, Action.BOOTSTRAP},
    "on_probe": {Action.NOTHING, Action.CATCH_UP, Action.MARK_STALE, Action.BOOTSTRAP},
    "on_head": {Action.NOTHING, Action.APPLY, Action.BUMP, Action.BOOTSTRAP},
    "is_other": {True, False},
    "is_on_the_way": {True, False},
    "is_before": {True, False},
    "is_earlier": {True, False},
    "judge": set(Verdict),
    "needs_chain_check": {True, False},
    "remedy": set(Remedy),
    "is_later": {True, False},
    "on_row": {Action.APPLY},  # what does not follow is found by the row that is held
    "on_snapshot": {Action.APPLY, Action.BUMP},
    "on_hydrated": {Action.APPLY, Action.BUMP},
    "is_ahead": {True, False},
    "is_near": {True, False},
    "may_replace": {(True, "nothing"), (True, "something"), (False, "something")},
    "is_onward": {True, False},
    "is_due": {True, False},
    "_follows": {True},  # what does not is found by its tag before
    "hydrate": {"loaded", LoadTurnsTaken, Away},
    "read": {"an image", "with more", image.DamagedImage},
    "parse_tail": {"none", True, False},
    "replace": {"postgres", "redis", "file"},
    "is_lost": {True, False},
    "is_contiguous": {True, False},
}
#: What is counted of a decision that is more than a value: from it and what it was made of.
TOLD: dict[str, Callable[..., Any]] = {
    "hydrate": lambda *_: "loaded",
    "read": lambda found, *_: "with more" if found.since else "an image",
    "parse_tail": lambda head, newest: "none" if newest is None else head is not None,
    "may_replace": lambda taken, held, _: (taken, "nothing" if held is None else "something"),
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
            except (Away, LoadTurnsTaken, image.DamagedImage) as error:
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
