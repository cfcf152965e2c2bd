"""The end of a schedule: faults cease, and everything must come to agree."""

from __future__ import annotations

from typing import Final

from cqar_shared.replication.positions import position_of
from cqar_writer.protocol import relay
from tests.protocol import failovers, invariants
from tests.protocol.events import require_told
from tests.protocol.resolver import Resolver
from tests.protocol.violation import require
from tests.protocol.world import ACTIONS, World
from tests.protocol.writer_process import Writer

#: After faults have ended: rounds of 0.5 s. A bump is granted every 10 s, a stream compared
#: every 5 s, and each may have to happen several times over.
ROUNDS_MAX: Final = 200
#: After so many a replica has it all.
LAG_ROUNDS: Final = 20
#: Begun once faults have ended, for what each of them left behind.
EPOCHS_MAX: Final = 24
#: One round of everything, once faults have ended: name, number, how often.
_ROUND: Final = (
    *(("arrive_late", 0, 1), ("arrive_late", 1, 1)),
    *(("relay", 0 + 2 * 5, 1), ("relay", 1 + 2 * 5, 1)),
    *(("relay_events", 0 + 2 * 5, 1), ("relay_events", 1 + 2 * 5, 1)),
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
    failovers.end(world)
    for server in (world.stream, world.redis):
        server.is_down = False
    world.stream.delayed = world.stream.unheard = world.redis.delayed = 0
    epochs = world.ledger.epochs
    _run(world)
    invariants.check_numbers(world.ledger)
    begun = world.ledger.epochs - epochs
    require(begun <= EPOCHS_MAX, 0, "a war of epochs:", begun, "begun at rest")
    if not world.corrupted:
        invariants.check_stream(world.stream)
    require(_is_relayed(world), 9, "the stream does not lead to the head")
    for resolver in world.resolvers:
        invariants.check_rest(world.database, resolver)
    _require_nothing_missing(world)
    require_told(world.ledger, world.events)
    for writer in _led(world):
        require(writer.is_led_on(), 9, "a writer knows what is not there:", writer.newest.seen)
        writer.require_kept()
    for file in world.files:
        invariants.check_file(world.ledger, file)


def _run(world: World) -> None:
    epochs, streamed = world.ledger.epochs, _led_by_stream(world)
    for done in range(ROUNDS_MAX):
        if done == LAG_ROUNDS:
            for resolver in streamed if world.ledger.epochs == epochs else ():
                require(resolver.is_live_at(world.ledger.head), 9, "waits for a replica")
            failovers.end_lag(world)
        failovers.lead(world)
        world.clock.now_s += 0.5
        for action, number, count in _ROUND:
            for _ in range(count):
                ACTIONS[action](world, number)
        world.look()
        if _is_at_rest(world):
            break


def _led_by_stream(world: World) -> list[Resolver]:
    """The resolvers that read a replica, while the stream has all that they lack."""
    is_whole = world.stream.is_whole and not world.corrupted and not world.lied
    if not is_whole or len(world.cluster.servers) > 1:
        return []
    held = {position_of(message.head) for message in world.stream.commits()}
    line = world.database.line()
    found = []
    for door, resolver in zip(world.resolver_doors, world.resolvers, strict=True):
        mine = resolver.position or line[max(0, len(line) - 1 - door.behind)]
        if door.behind and mine in line and held.issuperset(line[line.index(mine) + 1 :]):
            found.append(resolver)
    return found


def _is_at_rest(world: World) -> bool:
    head = world.ledger.head
    if world.events.told[-1:] not in ([], [head]):
        return False
    is_served = all(one.is_live_at(head) for one in world.resolvers)
    return is_served and _is_relayed(world) and all(one.is_led_on() for one in _led(world))


def _led(world: World) -> list[Writer]:
    """The writers whose addresses lead to the registry's server."""
    leads_back = len(world.cluster.servers) > 1
    return [one for at, one in enumerate(world.writers) if not leads_back or at != world.astray]


def _is_relayed(world: World) -> bool:
    stated = relay.parse_tail(world.stream.newest())
    return stated is not None and position_of(stated) == world.ledger.head


def _require_nothing_missing(world: World) -> None:
    """What was acknowledged is served, or superseded, or was lost with its epoch."""
    for resolver in world.resolvers:
        place = world.ledger.line[resolver.view.snapshot.position]
        for position in world.clients.told:
            served = world.ledger.line.get(position, -1) <= place
            require(served, 5, "acknowledged and not served:", position)
