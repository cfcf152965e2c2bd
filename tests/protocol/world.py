"""The whole system in one process: what runs, what may happen to it, and what must hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.redis_store.image_store import MANIFEST_KEY
from cqar_shared.replication import positions
from cqar_writer.protocol.log_rows import head_message
from tests.protocol import failovers, invariants
from tests.protocol.asking import Asking
from tests.protocol.clients import Clients
from tests.protocol.cluster import Cluster, Door
from tests.protocol.database import Database
from tests.protocol.events import EventStream
from tests.protocol.file import File
from tests.protocol.forging import forged
from tests.protocol.image_server import Images, ImageServer
from tests.protocol.invariants import ImageWatch, Watch
from tests.protocol.ledger import Ledger
from tests.protocol.redis_server import Redis
from tests.protocol.resolver import Resolver
from tests.protocol.stream import Stream
from tests.protocol.violation import require
from tests.protocol.writer_process import Writer

WRITERS: Final = 2
RESOLVERS: Final = 2
KEYS: Final = ("a", "b", "c", "d")
_UNDECODABLE: Final = b"\xff" * 8


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class World:
    """Everything, and every action that a schedule may take; an action is a name and a number.

    Any number will do for any action, so that any part of a schedule is a schedule.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger = Ledger(self.clock)
        self.cluster = Cluster(self.ledger)
        #: Where each process's address of PostgreSQL leads: it outlives the process.
        self.writer_doors = [Door(self.cluster.primary) for _ in range(WRITERS)]
        self.resolver_doors = [Door(self.cluster.primary) for _ in range(RESOLVERS)]
        self.stream = Stream()
        self.events = EventStream()
        self.redis = Redis()
        self.images = ImageServer(self.redis, self.clock)
        self.files = [File() for _ in range(RESOLVERS)]
        self._publications = 0
        self.corrupted = False
        #: A probe was answered by who is no writer.
        self.lied = False
        #: The writer whose address leads to the first server for ever.
        self.astray: int | None = None
        self.clients = Clients(self.ledger)
        self.asking = Asking(lambda: self.writers)
        self.writers = [self._new_writer(place) for place in range(WRITERS)]
        self.resolvers = [self._new_resolver(place) for place in range(RESOLVERS)]
        self._watches = [self._new_watch(place) for place in range(RESOLVERS)]
        self._image_watch = ImageWatch(self.ledger, self.images)

    @property
    def database(self) -> Database:
        """The one that is the registry's."""
        return self.cluster.primary

    def _new_writer(self, place: int) -> Writer:
        servers = (self.writer_doors[place], self.stream, self.events, self.redis)
        compacted = lambda: self.database.last().compacted_revision  # noqa: E731
        own = (Images(self.images), self.ledger, self.clock)
        more = (self._fresh_publication, self.asking.everybody, compacted)
        return Writer(*servers, *own, *more)

    def _fresh_publication(self) -> str:
        self._publications += 1
        return str(self._publications)

    def _new_resolver(self, place: int) -> Resolver:
        servers = (self.resolver_doors[place], self.stream, Images(self.images))
        return Resolver(*servers, self.files[place], self.clock, self.asking)

    def _new_watch(self, place: int) -> Watch:
        return Watch(self.ledger, self.resolvers[place], self.files[place], lambda: self.lied)

    def do(self, action: str, number: int) -> None:
        """Take one action and look at everything.

        Raises:
            Violation: An invariant does not hold.
        """
        ACTIONS[action](self, number)
        self.look()

    def look(self) -> None:
        for watch in self._watches:
            watch.look()
        self._image_watch.look()
        if not self.corrupted:
            for resolver in self.resolvers:
                require(not resolver.view.poisoned, 0, "a sound change set was taken for poison")

    # ------------------------------------------------------------ what goes on

    def write(self, number: int) -> None:
        """One to three keys, each set or, one time in four, removed."""
        first, count, removed = number % 4, 1 + number // 4 % 3, number // 12 % 4
        name = self.ledger.fresh_name()
        changes: dict[str, str | None] = {
            KEYS[(first + step) % 4]: f"{name}.{step}" for step in range(count)
        }
        if removed == 0:
            changes[KEYS[first]] = None
        self.clients.send(self.writers[number // 48 % WRITERS], changes)

    def relay(self, number: int) -> None:
        for _ in range(1 + number // WRITERS % 6):
            self.writers[number % WRITERS].relay_on()

    def relay_events(self, number: int) -> None:
        for _ in range(1 + number // WRITERS % 6):
            self.writers[number % WRITERS].relay_events()

    def follow(self, number: int) -> None:
        for _ in range(1 + number // RESOLVERS % 5):
            self.resolvers[number % RESOLVERS].step(probes=False)

    def probe(self, number: int) -> None:
        for _ in range(1 + number // RESOLVERS % 4):
            self.resolvers[number % RESOLVERS].step(probes=True)

    def relay_to_cache(self, number: int) -> None:
        for _ in range(1 + number // WRITERS % 4):
            self.writers[number % WRITERS].cache_relay.step()
        invariants.check_redis(self.ledger, self.redis)

    def publish_image(self, number: int) -> None:
        for _ in range(1 + number // WRITERS % 8):
            self.writers[number % WRITERS].imaging.step()
            self._image_watch.look()

    def keep_file(self, number: int) -> None:
        resolver = self.resolvers[number % RESOLVERS]
        resolver.keeping.rewrites |= number // RESOLVERS % 8 == 0
        for _ in range(1 + number // 16 % 5):
            resolver.keep()

    def read(self, number: int) -> None:
        """A client reads at a writer, and another one what it wrote at a resolver."""
        keys = (KEYS[number % 4], KEYS[number // 4 % 4])
        for _ in range(1 + number // 16 % 8):
            self.writers[number % WRITERS].read(keys)
        invariants.check_redis(self.ledger, self.redis)
        if wrote := self.clients.acknowledged(number):
            resolver = self.resolvers[number // 2 % RESOLVERS]
            invariants.check_min_revision(self.ledger, resolver, wrote)

    def wait(self, number: int) -> None:
        self.clock.now_s += 0.1 * (1 + number % 30)

    # ------------------------------------------------------------ faults

    def crash_writer(self, number: int) -> None:
        self.writers[number % WRITERS].crash()
        self.writers[number % WRITERS] = self._new_writer(number % WRITERS)

    def crash_resolver(self, number: int) -> None:
        self.resolvers[number % RESOLVERS].crash()
        self._start_resolver(number % RESOLVERS)

    def stop_resolver(self, number: int) -> None:
        resolver, file = self.resolvers[number % RESOLVERS], self.files[number % RESOLVERS]
        file.full = 0
        resolver.stop()
        if resolver.view.is_complete and file.proves is not None:
            served = resolver.view.snapshot.position
            require(file.proves == served, 10, "stopped, and kept", file.proves, "of", served)
        self._start_resolver(number % RESOLVERS)

    def _start_resolver(self, place: int) -> None:
        self.resolvers[place] = self._new_resolver(place)
        self._watches[place] = self._new_watch(place)

    def start_without_database(self, number: int) -> None:
        """One resolver, or all; now and then after a failover that an image was made of."""
        if number // 3 % 3 == 0:
            if number // 27 % 2:
                # Nobody is left who knows what was lost.
                for place in range(WRITERS):
                    self.crash_writer(place)
            self.lose_commits(number // 9)
            for _ in range(3):
                self.publish_image(14 + number % WRITERS)
        self.database.is_down = True
        for door in (*self.writer_doors, *self.resolver_doors):
            door.server = self.database
        for place in range(RESOLVERS):
            if number % (RESOLVERS + 1) != place:
                self.crash_resolver(place)

    def start_over_without_database(self, number: int) -> None:
        """A resolver meets what it cannot apply while PostgreSQL is down."""
        self.database.is_down = self.corrupted = True
        self.resolvers[number % RESOLVERS].stream.repeated.append(_UNDECODABLE)

    def crowd(self, number: int) -> None:
        """So many resolvers that are not simulated load from PostgreSQL."""
        self.database.busy += 1 + number % 4

    def flip_file(self, number: int) -> None:
        self.files[number % RESOLVERS].flip(number // RESOLVERS)

    def fill_disk(self, number: int) -> None:
        self.files[number % RESOLVERS].full += 1 + number // RESOLVERS % 3

    def lose_file(self, number: int) -> None:
        self.files[number % RESOLVERS].lose()

    def delay_publish(self, number: int) -> None:
        self.stream.delayed += 1 + number % 2

    def lose_acknowledgement(self, number: int) -> None:
        self.stream.unheard += 1 + number % 2

    def arrive_late(self, number: int) -> None:
        if number % 2:
            self.redis.arrive_oldest()
            invariants.check_redis(self.ledger, self.redis)
        else:
            self.stream.arrive_oldest()

    def prefetch(self, number: int) -> None:
        """Messages are on their way, whatever becomes of the stream."""
        consumer = self.resolvers[number % RESOLVERS].stream.consumer
        if consumer is not None:
            consumer.prefetch(1 + number // RESOLVERS % 4)

    def lose_consumer(self, number: int) -> None:
        consumer = self.resolvers[number % RESOLVERS].stream.consumer
        if consumer is not None:
            consumer.is_lost = True

    def deliver_again(self, number: int) -> None:
        """A message once more, late: duplicated and out of its order."""
        resolver = self.resolvers[number % RESOLVERS]
        kept = list(self.stream.messages.values())
        if kept:
            resolver.stream.repeated.append(kept[number // RESOLVERS % len(kept)])

    def truncate(self, number: int) -> None:
        self.stream.truncate(1 + number % 5)

    def lose_tail(self, number: int) -> None:
        self.stream.lose_tail(1 + number % 3)

    def wipe(self, number: int) -> None:
        self.stream.wipe()
        for place, resolver in enumerate(self.resolvers):
            consumer = resolver.stream.consumer
            if consumer is not None and number >> place & 1:
                consumer.is_lost = True

    def corrupt(self, number: int) -> None:
        """Spoil or forge a message, one time in four the newest: the relay goes on all the same."""
        sequences = list(self.stream.messages)
        if sequences:
            self.corrupted = True
            back = 1 if number // 2 % 4 == 0 else 1 + number // 8 % len(sequences)
            sequence = sequences[-back]
            payload = self.stream.messages[sequence]
            if number // 64 % 2:
                spoilt = forged(payload, self.ledger)
            else:
                spoilt = _spoil(payload, undecodable=bool(number % 2))
            self.stream.messages[sequence] = spoilt

    def forge(self, number: int) -> None:
        """Somebody else publishes what no relay would: far on in revision, epoch or term."""
        if self.stream.is_down:
            return
        head = head_message(self.database.last())
        far = (positions.LOST_MAX + 100, positions.NUMBER_MAX, 2**64 - 1)[number % 3]
        if number // 18 % 2:
            head.promoted_at_us = min(head.promoted_at_us + far, 2**63 - 1)
        elif number // 3 % 2:
            head.epoch = min(head.epoch + far, 2**64 - 1)
        else:
            head.revision = min(head.revision + far, 2**64 - 1)
        head.chain = bytes([number % 256]) * 32
        message = replication_pb2.StreamMessage(head=head)
        getattr(message, ("heartbeat", "reset", "commit")[number // 6 % 3]).SetInParent()
        self.stream.append(message.SerializeToString())

    def lose_commits(self, number: int) -> None:
        """Commits are lost; now and then the next is made before anybody has looked."""
        self.database.lose(1 + number // 4 % 3, fails_over=bool(number % 4))
        if number // 16 % 2:
            self.write(number // 32)

    def compact(self, number: int) -> None:
        self.database.compact(number % 3)

    def forget_cache(self, number: int) -> None:
        if number % 2:
            self.redis.forget()
        else:
            self.redis.delayed += 1

    def evict_chunk(self, number: int) -> None:
        """Redis drops a part of what it holds, as it may when it is full."""
        if keys := sorted(self.redis.images.keys() - {MANIFEST_KEY}):
            del self.redis.images[keys[number % len(keys)]]
            self._image_watch.is_spoilt = True

    def go_down(self, number: int) -> None:
        database = self.cluster.servers[number // 3 % len(self.cluster.servers)]
        server = (database, self.stream, self.redis)[number % 3]
        server.is_down = not server.is_down

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        for process in (*self.writers, *self.resolvers):
            process.crash()


def _spoil(payload: bytes, *, undecodable: bool) -> bytes:
    if undecodable or payload == _UNDECODABLE:
        return _UNDECODABLE
    message = replication_pb2.StreamMessage.FromString(payload)
    if message.WhichOneof("body") != "commit":
        return _UNDECODABLE
    message.commit.change_set = message.commit.change_set[::-1]
    return message.SerializeToString()


#: Name -> what a schedule may do.
ACTIONS: Final[dict[str, Callable[[World, int], None]]] = {
    method.__name__: method
    for method in (
        *(World.write, World.relay, World.follow, World.probe, World.relay_to_cache),
        *(World.read, World.wait, World.crash_writer, World.crash_resolver),
        *(World.delay_publish, World.lose_acknowledgement, World.arrive_late, World.prefetch),
        *(World.lose_consumer, World.deliver_again, World.truncate, World.lose_tail),
        *(World.wipe, World.corrupt, World.lose_commits, World.compact),
        *(World.forget_cache, World.go_down, World.publish_image, World.keep_file),
        *(
            World.stop_resolver,
            World.start_without_database,
            World.crowd,
            World.start_over_without_database,
        ),
        *(World.forge, World.relay_events, *failovers.ACTIONS),
        *(World.flip_file, World.lose_file, World.fill_disk, World.evict_chunk),
    )
}
