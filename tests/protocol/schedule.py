"""Schedules: made from a seed, run, and on failure shortened to the actions that matter."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.protocol.rest import come_to_rest
from tests.protocol.violation import Violation
from tests.protocol.world import World

#: Enough for a fault, its discovery and the next fault to overlap.
ACTIONS_MAX: Final = 60
#: Name -> how often, relative to the others.
WEIGHTS: Final = {
    "write": 12,
    "relay": 16,
    "follow": 16,
    "probe": 10,
    "wait": 6,
    "relay_to_cache": 8,
    "read": 8,
    "prefetch": 2,
    "arrive_late": 3,
    "publish_image": 6,
    "keep_file": 6,
    "crash_writer": 1,
    "crash_resolver": 1,
    "stop_resolver": 1,
    "start_without_database": 1,
    "start_over_without_database": 1.5,
    "crowd": 1,
    "flip_file": 0.4,
    "lose_file": 0.3,
    "fill_disk": 0.3,
    "evict_chunk": 0.5,
    "lose_consumer": 1,
    "deliver_again": 2,
    "delay_publish": 1,
    "lose_acknowledgement": 1,
    "forget_cache": 1,
    "go_down": 1,
    "truncate": 1,
    "lose_tail": 1.5,
    "wipe": 1,
    "corrupt": 0.3,
    "forge": 0.5,
    "lose_commits": 2,
    "compact": 0.7,
}
#: In one schedule of `STARTS_ONE_IN`: resolvers that end and begin, while commits are lost.
STARTS: Final = WEIGHTS | {
    "publish_image": 16,
    "keep_file": 12,
    "stop_resolver": 3,
    "start_without_database": 4,
    "start_over_without_database": 3,
    "lose_commits": 5,
    "flip_file": 1.5,
    "go_down": 2,
    "read": 2,
    "relay_to_cache": 2,
}
STARTS_ONE_IN: Final = 2
_NUMBERS: Final = 4096


class Action(NamedTuple):
    name: str
    number: int


class Failure(NamedTuple):
    """A schedule that violates an invariant, as short as it was made."""

    seed: int
    violation: Violation
    actions: tuple[Action, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {name} {number}" for name, number in self.actions)
        return f"seed {self.seed}: {self.violation}\n{steps}\n  (then all faults end)"


def schedule_of(seed: int) -> list[Action]:
    dice = random.Random(seed)
    count = dice.randrange(10, ACTIONS_MAX + 1)
    weights = STARTS if seed % STARTS_ONE_IN == 0 else WEIGHTS
    names = dice.choices(tuple(weights), tuple(weights.values()), k=count)
    return [Action(name, dice.randrange(_NUMBERS)) for name in names]


def violation_of(actions: Sequence[Action]) -> Violation | None:
    """Run a schedule to its end."""
    world = World()
    try:
        for name, number in actions:
            world.do(name, number)
        come_to_rest(world)
    except Violation as violation:
        return violation
    finally:
        world.close()
    return None


def failure_of(seed: int) -> Failure | None:
    """Run a seed's schedule; if it fails, find a short one that fails in the same way."""
    actions = schedule_of(seed)
    violation = violation_of(actions)
    if violation is None:
        return None
    number = violation.number
    size = len(actions) // 2
    while size:
        for start in range(len(actions) - size, -1, -size):
            fewer = actions[:start] + actions[start + size :]
            found = violation_of(fewer)
            if found is not None and found.number == number:
                actions, violation = fewer, found
        size //= 2
    return Failure(seed, violation, tuple(actions))
