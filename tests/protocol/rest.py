"""The end of a schedule: faults cease, and everything must come to agree."""

from __future__ import annotations

from typing import Final

from tests.protocol import invariants
from tests.protocol.violation import require
from tests.protocol.world import ACTIONS, World

#: After faults have ended: rounds of 0.5 s. A bump is granted every 10 s, a stream compared
#: every 5 s, and each may have to happen several times over.
ROUNDS_MAX: Final = 200
#: One round of everything, once faults have ended: name, number, how often.
_ROUND: Final = (
    *(("arrive_late", 0, 1), ("arrive_late", 1, 1)),
    *(("relay", 0 + 2 * 5, 1), ("relay", 1 + 2 * 5, 1)),
    *(("follow", 0 + 2 * 4, 2), ("follow", 1 + 2 * 4, 2)),
    *(("probe", 0 + 2 * 3, 1), ("probe", 1 + 2 * 3, 1)),
    *(("relay_to_cache", 0, 2), ("relay_to_cache", 1, 2)),
    *(("publish_image", 0 + 2 * 3, 1), ("keep_file", 0 + 2 * 1, 1), ("keep_file", 1 + 2 * 1, 1)),
)


def come_to_rest(world: World) -> None:
    """End all faults, run everything until it agrees, and prove that it does.

    Raises:
        Violation: An invariant does not hold, or does not within `ROUNDS_MAX`.
    """
    for server in (world.database, world.stream, world.redis):
        server.is_down = False
    world.stream.delayed = world.stream.unheard = world.redis.delayed = world.database.busy = 0
    for _ in range(ROUNDS_MAX):
        world.clock.now_s += 0.5
        for action, number, count in _ROUND:
            for _ in range(count):
                ACTIONS[action](world, number)
        world.look()
        if _is_at_rest(world):
            break
    invariants.check_numbers(world.ledger)
    if not world._corrupted:
        invariants.check_stream(world.stream)
    for resolver in world._resolvers:
        invariants.check_rest(world.database, resolver)
    _require_nothing_missing(world)
    for file in world.files:
        invariants.check_file(world.ledger, file)


def _is_at_rest(world: World) -> bool:
    return all(resolver.is_live_at(world.ledger.head) for resolver in world._resolvers)


def _require_nothing_missing(world: World) -> None:
    """What was acknowledged is served, or superseded, or was lost with its epoch."""
    for resolver in world._resolvers:
        place = world.ledger.line[resolver.view.snapshot.position]
        for position in world._acknowledged:
            served = world.ledger.line.get(position, -1) <= place
            require(served, 5, "acknowledged and not served:", position)
