"""What may happen to a registry's servers, and to those who reach them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cqar_shared.replication import positions
from cqar_writer.protocol.log_rows import head_message
from tests.protocol.violation import require

if TYPE_CHECKING:
    from tests.protocol.cluster import Door
    from tests.protocol.database import Database
    from tests.protocol.world import World

#: Commits that a replica is behind.
BEHIND_MAX: Final = 4


def replicate_synchronously(world: World, _: int) -> None:
    """From now on a commit waits for a standby; what was committed before is there."""
    standby = world.database.standby
    if len(world.cluster.servers) == 1 and not world.ledger.forks_unseen:
        standby.is_synchronous = True
        standby.flushed = world.database.lsn
        world.ledger.follow(world.database, world.database.line())


def roll_back(world: World, number: int) -> None:
    """Commits are lost, nothing tells of it, and others take their place before anybody looks."""
    world.database.lose(1 + number % 3, fails_over=False)
    for place in range(len(world.writers) if number // 1024 % 2 else 0):
        world.crash_writer(place)  # nobody is left who knows what was lost
    for turn in range(number // 3 % 4):
        world.write(number // 12 + turn)


def hold_standby(world: World, number: int) -> None:
    """The standby gets nothing more, or goes on, or gets a little."""
    database = world.database
    if number % 3 == 0:
        database.standby.is_held = True
    elif number % 3 == 1:
        database.standby.is_held = False
        database.replicate()
    else:
        database.replicate(1 + number // 3 % 2)
    for writer in world.writers:
        writer.answer_on(2)


def promote(world: World, number: int) -> None:
    """A standby takes over; some addresses lead to it at once, and the old server may be paused."""
    old = world.cluster.promote(number % 3)
    if old is None:
        return
    old.is_down = bool(number // 3 % 2)
    for place, door in enumerate(_doors(world)):
        if number >> 4 + place & 1 or (door.server is old and _is_fenced_off(old)):
            door.server = world.database
    if not old.standby.is_synchronous:
        world.ledger.two_answer = True
    if old.standby.is_synchronous:
        for at in world.clients.told:
            require(at in world.ledger.line, 5, "acknowledged, and lost at a failover:", at)


def move_door(world: World, number: int) -> None:
    """An address leads to the server promoted last, or back to one before."""
    doors, servers = _doors(world), world.cluster.servers
    server = servers[number // 4 % len(servers)] if number // 64 % 4 == 0 else servers[-1]
    _lead(doors[number % len(doors)], server)


def lead_astray(world: World, number: int) -> None:
    """A writer's address leads to the first server for ever, whoever takes its place."""
    world.astray = number % len(world.writers)
    _lead(world.writer_doors[world.astray], world.cluster.servers[0])


def split(world: World, number: int) -> None:
    """Another standby of the old server is promoted, too, and some addresses lead there."""
    if world.database.standby.is_synchronous:
        return
    found = world.cluster.split(number % 3)
    if found is None:
        return
    world.ledger.two_answer = True
    for place, door in enumerate(_doors(world)):
        if number >> 4 + place & 1:
            door.server = found


def wake(world: World, number: int) -> None:
    """A server that was paused goes on, whatever took its place."""
    world.cluster.servers[number % len(world.cluster.servers)].is_down = False


def restart_server(world: World, number: int) -> None:
    """Its connections end, and what waited for its standby is there without."""
    world.cluster.servers[number % len(world.cluster.servers)].restart()


def send_again(world: World, number: int) -> None:
    """A client that was not answered, or that asks for what is there already."""
    writer = world.writers[number % len(world.writers)]
    if number // 2 % 4 == 0:
        world.clients.send(writer, {})
    else:
        world.clients.send_again(writer, number // 8)


def read_replica(world: World, number: int) -> None:
    """A resolver's address leads to a replica, so far behind, or to the server itself."""
    doors = world.resolver_doors
    doors[number % len(doors)].behind = number // 2 % (BEHIND_MAX + 1)


def silence_writer(world: World, number: int) -> None:
    """A writer is stopped, and NATS has not noticed; one at most."""
    for place, writer in enumerate(world.writers):
        writer.is_silent = place == number % 3


def forge_answer(world: World, number: int) -> None:
    """Somebody answers the next probe: from a later database, or from another history."""
    head = head_message(world.database.last())
    far = (1, positions.LOST_MAX + 100, positions.NUMBER_MAX)[number % 3]
    if number // 3 % 2:
        head.promoted_at_us = min(head.promoted_at_us + far, 2**63 - 1)
        head.timeline += 1
    head.revision = min(head.revision + far * (number // 6 % 2), 2**63 - 1)
    # Zeros are the chain of an empty registry: with those it would be no other history.
    head.chain = bytes([1 + number % 255]) * 32
    world.asking.forged[:] = [head]
    world.lied = True


def end(world: World) -> None:
    """Every address leads to the server promoted last, and one writer is started anew.

    The servers before it stay awake: who has connections to them is to leave them by itself.
    """
    for server in world.cluster.servers:
        server.busy = 0
        server.is_down = server.standby.is_held = False
        server.replicate()
    lead(world)
    world.asking.forged.clear()
    if len(world.cluster.servers) > 1:
        world.crash_writer(1 if world.astray == 0 else 0)


def lead(world: World) -> None:
    """Addresses lead to the registry's server, of two promoted the later: all but who is astray."""
    for door in _doors(world):
        door.server = world.database
    if world.astray is not None:
        _lead(world.writer_doors[world.astray], world.cluster.servers[0])
        for writer in world.writers:
            writer.is_silent = False


def end_lag(world: World) -> None:
    """Replicas have it all."""
    for door in world.resolver_doors:
        door.behind = 0


def _lead(door: Door, server: Database) -> None:
    if not _is_fenced_off(server):
        door.server = server


def _is_fenced_off(server: Database) -> bool:
    """Whether no address may lead there: it is synchronous, and replaced before a writer came.

    What is begun in it, and no standby confirms, would be dated after who replaced it.
    """
    is_replaced = server.standby.is_synchronous and server.standby.is_gone
    return is_replaced and server.last().database_changed


def _doors(world: World) -> list[Door]:
    return [*world.writer_doors, *world.resolver_doors]


ACTIONS: Final[tuple[Callable[[World, int], None], ...]] = (
    *(replicate_synchronously, hold_standby, promote, move_door, lead_astray, split, wake),
    *(restart_server, roll_back, send_again, read_replica, silence_writer, forge_answer),
)
