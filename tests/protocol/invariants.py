"""protocol.md's ten invariants, as far as one moment shows them."""

from __future__ import annotations

from collections.abc import Callable

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.errors import EpochEnded
from cqar_shared.redis_store import image_store
from cqar_shared.redis_store.cache import CURSOR_KEY
from cqar_shared.redis_store.cache_format import ForgedValue
from cqar_shared.redis_store.image_store import MANIFEST_KEY
from cqar_shared.replication import image, positions
from cqar_shared.replication.positions import LogPosition, is_reached, position_of
from cqar_writer.reads.cached import ENTRIES
from tests.protocol.database import KIND, Database
from tests.protocol.file import File
from tests.protocol.image_server import ImageServer
from tests.protocol.ledger import Ledger
from tests.protocol.redis_server import Redis
from tests.protocol.resolver import Resolver
from tests.protocol.stream import Stream
from tests.protocol.violation import Violation, require
from tests.protocol.writer_cache import Answer
from tests.support.integrity_keys import FORMAT, IMAGES

_VENUES = ENTRIES[KIND, ""]


class Watch:
    """Looks at one resolver's process after every step.

    Args:
        file: What the process before it left there is never gone behind, if it is whole.
        is_lied_to: Whether a probe was answered by who is no writer.
    """

    def __init__(
        self, ledger: Ledger, resolver: Resolver, file: File, is_lied_to: Callable[[], bool]
    ) -> None:
        self._ledger = ledger
        self._resolver = resolver
        self._file = file
        self._is_lied_to = is_lied_to
        self._seen: LogPosition | None = None
        #: This process served it, and not the one before.
        self._is_own = False

    def look(self) -> None:
        view = self._resolver.view
        if not view.is_complete:
            self._seen, self._is_own = self._file.proves, False
            return
        position = view.snapshot.position
        if position is not self._seen:
            self._moved(position)
        if not self._resolver.freshness.has_heard:
            told = view.freshness.state == pb.SNAPSHOT_STATE_LAST_GOOD
            require(told, 7, "claims to know, and nobody told it:", position)
        staleness_ms, ledger = view.freshness.staleness_ms, self._ledger
        if staleness_ms is not None and position is not ledger.head and not ledger.two_answer:
            true_ms = ledger.staleness_s(position) * 1000
            require(true_ms <= staleness_ms, 7, "staler than told:", true_ms, staleness_ms)
        doubted, self._resolver.view.doubted = self._resolver.view.doubted, None
        misled = ledger.forks_unseen or ledger.two_answer or self._is_lied_to()
        if doubted is not None and not misled:
            require(doubted not in ledger.line, 0, "doubts what the database holds:", doubted)

    def _moved(self, position: LogPosition) -> None:
        snapshot = self._resolver.view.snapshot
        require(position in self._ledger.states, 1, "never committed:", position)
        served = held_by(snapshot)
        require(served == self._ledger.states[position], 1, "not what was committed:", position)
        seen = self._seen
        if seen is not None and position != seen:
            require(position.revision > seen.revision, 2, "went back:", seen, position)
            require(position.epoch >= seen.epoch, 2, "went back an epoch:", seen, position)
            named = position.epoch == seen.epoch and seen.epoch not in self._ledger.begun_twice
            # An image does not show whether it leads on from the file of a process that starts.
            is_shown = self._is_own or self._resolver.view.hydrated_from == "postgres"
            onward = not named or not is_shown or self._ledger.holds(position, seen)
            require(onward, 2, "went sideways:", seen, position)
        self._seen, self._is_own = position, True


class ImageWatch:
    """Looks at what Redis holds to start from: a fallback never overwrites what is newer.

    Attributes:
        is_spoilt: What is there lost a part: it may be replaced by anything.
    """

    def __init__(self, ledger: Ledger, server: ImageServer) -> None:
        self._ledger = ledger
        self._server = server
        self.is_spoilt = False
        self._seen: bytes | None = None
        self._head: replication_pb2.Head | None = None

    def look(self) -> None:
        stored = self._server.value(MANIFEST_KEY)
        if stored is self._seen:
            return
        self._seen = stored
        if stored is None:
            self._head = None
            return
        manifest = image.manifest_of(stored, IMAGES)
        at, before = position_of(manifest.head), self._head
        keys = image_store._chunk_keys(manifest)
        chunks = [chunk for chunk in map(self._server.value, keys) if chunk is not None]
        try:
            held = {key: payload for _, key, payload in image.entities_of(manifest, chunks)}
        except image.DamagedImage as error:
            raise Violation(10, f"an image that is not whole: {error}") from error
        require(held == self._ledger.states.get(at), 10, "an image that was never committed:", at)
        if before is not None and not self.is_spoilt:
            back = (at.epoch, at.revision) < (before.epoch, before.revision)
            require(not back, 10, "an older image over a newer one:", at)
        self._head, self.is_spoilt = manifest.head, False


def held_by(snapshot: Snapshot) -> dict[str, bytes | None]:
    """All its entities."""
    return {key: snapshot.get(KIND, key) for key in snapshot.keys(KIND)}


def check_file(ledger: Ledger, file: File) -> None:
    """What a file proves is in it, and what it holds was committed."""
    try:
        kept = file.read()
        snapshot = kept.snapshot() if kept is not None else None
    except image.DamagedImage:
        snapshot = None
    if snapshot is not None:
        served = held_by(snapshot)
        require(served == ledger.states.get(snapshot.position), 1, "kept what never was")
    if file.proves is not None:
        held = snapshot.position if snapshot is not None else None
        require(held == file.proves, 10, "the file lost", file.proves, "and holds", held)


def check_min_revision(ledger: Ledger, resolver: Resolver, wrote: LogPosition) -> None:
    """A client that wrote asks a resolver for what it wrote."""
    if not resolver.view.is_complete:
        return
    held = resolver.view.snapshot.position
    try:
        reached = is_reached((wrote.epoch, wrote.revision), held.epoch, held.revision)
    except EpochEnded:
        require(held.epoch > wrote.epoch, 6, "an epoch that did not end:", held, wrote)
        return
    if reached and ledger.can_be_named(wrote):
        require(ledger.holds(held, wrote), 6, "answered from before:", held, wrote)


def check_answer(ledger: Ledger, answer: Answer, wrote: LogPosition | None) -> None:
    """A client reads at the writer that it wrote to, if at any."""
    at = answer.by_redis_at
    if at is None:
        return
    require(at in ledger.states, 10, "Redis names what never was:", at)
    for key, payload in answer.found.items():
        require(payload == ledger.states[at].get(key), 10, "Redis, not as of its cursor:", key, at)
    if wrote is not None and ledger.can_be_named(wrote):
        require(ledger.holds(at, wrote), 10, "Redis answered from before:", at, wrote)


def check_redis(ledger: Ledger, redis: Redis) -> None:
    """Every value that counts is as of the cursor, and nothing that we wrote there is refused."""
    cursor = FORMAT.open_cursor(redis.values.get(CURSOR_KEY))
    if cursor is None:
        return
    require(cursor.at in ledger.states, 10, "Redis names what never was:", cursor.at)
    state = ledger.states[cursor.at]
    for name, value in redis.values.items():
        try:
            found = FORMAT.open(cursor, name, value) if name != CURSOR_KEY else None
        except ForgedValue as error:
            raise Violation(10, f"Redis: {error}") from error
        if found is not None:
            key = name.removeprefix(_VENUES.key([""]))
            require(found == state.get(key, b""), 10, "Redis holds another", name, cursor.at)


def check_stream(stream: Stream) -> None:
    """What was published is in order and once, as long as nothing was taken from the tail."""
    if not stream.is_whole:
        return
    before: LogPosition | None = None
    for sequence in range(stream.first, stream.last + 1):
        payload = stream.messages.get(sequence)
        if payload is None:
            before = None
            continue
        message = replication_pb2.StreamMessage.FromString(payload)
        at, body = position_of(message.head), message.WhichOneof("body")
        if before is not None and body == "commit":
            require(at.revision == before.revision + 1, 3, "published", at, "after", before)
            follows = message.commit.prev_chain == before.chain
            require(follows, 3, "published on another chain:", at)
        before = at


def check_numbers(ledger: Ledger) -> None:
    """No forged message draws the registry's numbers to where no history goes."""
    at = ledger.head
    believable = at.revision < positions.LOST_MAX and at.epoch < positions.EPOCHS_MAX
    require(believable, 9, "the numbers are used up:", at)


def check_rest(database: Database, resolver: Resolver) -> None:
    """Faults have ended, and everything has run for long enough."""
    view, loaded = resolver.view, database.loaded()
    require(view.is_complete, 9, "nothing is loaded")
    served = view.snapshot
    require(
        served.position == loaded.position, 9, "serves", served.position, "not", loaded.position
    )
    require(held_by(served) == database.state(), 9, "other rows")
    same = (served.count, served.set_hash) == (loaded.count, loaded.set_hash)
    require(same, 9, "other count or hash")
    require(view.freshness.state == pb.SNAPSHOT_STATE_LIVE, 7, "never LIVE again")
