"""Schedules: made from a seed, run, and on failure shortened to the actions that matter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
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
    "relay_events": 4,
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
    "roll_back": 0.5,
    "compact": 0.7,
}
#: Resolvers that end and begin, while commits are lost.
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
#: What goes on while nobody does harm, and what most harm needs.
_QUIET: Final = {
    "write": 14,
    "relay": 16,
    "follow": 16,
    "probe": 14,
    "wait": 8,
    "send_again": 3,
    "relay_events": 4,
    "read": 2,
    "relay_to_cache": 2,
}
#: A standby takes over, and the server before it is woken and believed.
FAILOVERS: Final = _QUIET | {
    "hold_standby": 6,
    "promote": 3,
    "move_door": 5,
    "lead_astray": 0.5,
    "split": 1.5,
    "wake": 2,
    "restart_server": 1.5,
    "lose_commits": 0.7,
    "crash_writer": 1,
    "crash_resolver": 1,
    "go_down": 1,
    "wipe": 0.5,
    "lose_tail": 0.5,
    "silence_writer": 1,
    "forge": 0.7,
}
#: A standby is late, and what waits for it is asked for again before it takes over.
CONFIRMATIONS: Final = {
    "write": 10,
    "hold_standby": 12,
    "restart_server": 6,
    "send_again": 12,
    "promote": 5,
    "move_door": 4,
    "relay": 4,
    "follow": 4,
    "probe": 6,
    "wait": 4,
    "crash_writer": 1,
}
#: Resolvers read a replica, and what heads say is forged.
REPLICAS: Final = _QUIET | {
    "read_replica": 5,
    "forge": 1.5,
    "forge_answer": 2,
    "silence_writer": 2,
    "crash_resolver": 3,
    "truncate": 1,
    "lose_consumer": 1,
    "deliver_again": 1,
    "lose_commits": 1,
    "promote": 0.7,
    "move_door": 0.7,
    "compact": 1,
    "go_down": 0.7,
}
#: Resolvers start from a replica, while the stream has it all.
LAGS: Final = {
    "write": 14,
    "relay": 24,
    "follow": 16,
    "probe": 10,
    "wait": 6,
    "read_replica": 6,
    "crash_resolver": 5,
    "lose_consumer": 1,
    "crash_writer": 0.5,
}
#: Contents are forged on their way.
FORGERIES: Final = _QUIET | {"corrupt": 5, "forge": 3, "crash_resolver": 1}
#: Nothing but the file and the image is there to start from, after commits were lost.
FALLBACKS: Final = {
    "write": 12,
    "follow": 14,
    "probe": 2,
    "publish_image": 8,
    "keep_file": 14,
    "crash_resolver": 1,
    "start_without_database": 8,
    "lose_commits": 3,
}
#: Addresses lead back to who was replaced.
RETURNS: Final = {
    "write": 12,
    "relay": 12,
    "probe": 6,
    "follow": 6,
    "wait": 5,
    "promote": 4,
    "move_door": 12,
    "lead_astray": 3,
    "restart_server": 4,
}
#: Commits are lost and nothing tells of it, and resolvers load everything anew.
ROLLBACKS: Final = {
    "write": 10,
    "relay": 8,
    "follow": 14,
    "probe": 8,
    "wait": 4,
    "roll_back": 5,
    "wipe": 3,
    "lose_consumer": 1,
    "keep_file": 3,
    "stop_resolver": 1,
    "crash_resolver": 1,
    "publish_image": 5,
    "crowd": 2,
}


class Profile(NamedTuple):
    """What schedules of a kind are made of.

    Attributes:
        weights: Of its actions.
        share: So many of `SHARES` schedules are of it.
        synchronous: One in so many begins with a synchronous standby; 0: none.
    """

    weights: Mapping[str, float]
    share: int
    synchronous: int = 0


PROFILES: Final = {
    "mixed": Profile(WEIGHTS, 5),
    "starts": Profile(STARTS, 4),
    "failovers": Profile(FAILOVERS, 4, synchronous=2),
    "confirmations": Profile(CONFIRMATIONS, 1, synchronous=1),
    "returns": Profile(RETURNS, 1, synchronous=2),
    "replicas": Profile(REPLICAS, 2, synchronous=4),
    "lags": Profile(LAGS, 1),
    "forgeries": Profile(FORGERIES, 1),
    "fallbacks": Profile(FALLBACKS, 1),
    "rollbacks": Profile(ROLLBACKS, 1),
}
_BY_SHARE: Final = tuple(name for name, one in PROFILES.items() for _ in range(one.share))
SHARES: Final = len(_BY_SHARE)
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


def seeds_of(profile: str, count: int) -> Iterator[int]:
    """The seeds of a profile's schedules among the first `count`."""
    return (seed for seed in range(count) if _BY_SHARE[seed % SHARES] == profile)


def schedule_of(seed: int) -> list[Action]:
    profile = PROFILES[_BY_SHARE[seed % SHARES]]
    dice = random.Random(seed)
    count = dice.randrange(10, ACTIONS_MAX + 1)
    names = dice.choices(tuple(profile.weights), tuple(profile.weights.values()), k=count)
    if profile.synchronous and dice.randrange(profile.synchronous) == 0:
        names[0] = "replicate_synchronously"
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
