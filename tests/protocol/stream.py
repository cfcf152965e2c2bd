"""A JetStream stream that compares and sets, and loses what it holds when told to."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication.positions import StreamMark
from tests.protocol.pausing import Away, pause
from tests.protocol.violation import require


class Answer(enum.Enum):
    STORED = enum.auto()
    LOST_RACE = enum.auto()
    NONE = enum.auto()  # it never arrived


class LostRace(Exception):
    """As `cqar_shared.messaging.jetstream.LostRace`."""


@dataclass(eq=False)
class Publish:
    """A message under way, and what the stream expects to hold before it."""

    payload: bytes
    expected_last: int
    answer: Answer | None = None


@dataclass
class Stream:
    """CQAR_CHANGES.

    Attributes:
        delayed: So many publishes to come are not answered in time, and arrive later.
        unheard: So many answers to come are lost.
        is_whole: Nothing that it held was ever taken from its end.
    """

    created: int = 1
    last: int = 0
    messages: dict[int, bytes] = field(default_factory=dict)
    under_way: deque[Publish] = field(default_factory=deque)
    is_down: bool = False
    delayed: int = 0
    unheard: int = 0
    is_whole: bool = True

    @property
    def first(self) -> int:
        return next(iter(self.messages)) if self.messages else self.last and self.last + 1

    def mark(self) -> StreamMark:
        if self.is_down:
            raise Away
        return StreamMark(str(self.created), self.first, self.last)

    def noted(self) -> StreamMark | None:
        """As `cqar_shared.messaging.jetstream.note`."""
        return None if self.is_down else self.mark()

    def newest(self) -> bytes | None:
        if self.is_down:
            raise Away
        return self.messages[next(reversed(self.messages))] if self.messages else None

    def commits(self) -> Iterator[replication_pb2.StreamMessage]:
        """Its change sets, where nobody spoilt any."""
        for payload in self.messages.values():
            message = replication_pb2.StreamMessage.FromString(payload)
            if message.WhichOneof("body") == "commit":
                yield message

    def first_from(self, sequence: int) -> tuple[int, bytes] | None:
        """The first message that is held at a sequence or beyond."""
        for at in range(max(sequence, self.first), self.last + 1):
            if (payload := self.messages.get(at)) is not None:
                return at, payload
        return None

    async def publish(self, payload: bytes, expected_last: int) -> int:
        """As `cqar_shared.messaging.jetstream.publish_expecting`.

        Raises:
            LostRace: The stream's last sequence was another.
            Away: No answer came; it may be stored, or be stored later.
        """
        publish = Publish(payload, expected_last)
        self.under_way.append(publish)
        await pause()
        if self.delayed:
            self.delayed -= 1
            raise Away
        if publish.answer is None:
            self.under_way.remove(publish)
            self.arrive(publish)
        if publish.answer is Answer.NONE:
            raise Away
        if self.unheard:
            self.unheard -= 1
            raise Away
        if publish.answer is Answer.LOST_RACE:
            raise LostRace
        return expected_last + 1

    def arrive_oldest(self) -> None:
        if self.under_way:
            self.arrive(self.under_way.popleft())

    def arrive(self, publish: Publish) -> None:
        if self.is_down:
            publish.answer = Answer.NONE
            return
        if publish.expected_last != self.last:
            publish.answer = Answer.LOST_RACE
            return
        publish.answer = Answer.STORED
        self.last += 1
        self.messages[self.last] = publish.payload

    # ------------------------------------------------------------ faults

    def append(self, payload: bytes) -> None:
        """Somebody else publishes, expecting nothing."""
        self.last += 1
        self.messages[self.last] = payload
        self.is_whole = False

    def truncate(self, count: int) -> None:
        """Drop the oldest, as retention does; the last sequence stays."""
        for sequence in list(self.messages)[:count]:
            del self.messages[sequence]

    def lose_tail(self, count: int) -> None:
        for _ in range(min(count, self.last)):
            self.messages.pop(self.last, None)
            self.last -= 1
        self.is_whole = False

    def wipe(self) -> None:
        """Delete the stream and make it anew."""
        self.created += 1
        self.last = 0
        self.messages = {}
        self.is_whole = False


class Consumer:
    """Delivers in order what its stream holds; outlives a stream that was made anew."""

    def __init__(self, stream: Stream, after: int) -> None:
        self._stream = stream
        self._next = after + 1
        #: On its way to the client, or there already: a fault does not take it back.
        self._buffer: deque[tuple[int, bytes]] = deque()
        self.is_lost = False

    def take(self) -> tuple[int, bytes] | None:
        if self._buffer:
            return self._buffer.popleft()
        if self.is_lost or self._stream.is_down:
            raise Away
        return self._from_stream()

    def prefetch(self, count: int) -> None:
        for _ in range(count):
            if not self._stream.is_down and (item := self._from_stream()) is not None:
                self._buffer.append(item)

    def _from_stream(self) -> tuple[int, bytes] | None:
        item = self._stream.first_from(self._next)
        if item is not None:
            require(item[0] >= self._next, 0, "the simulation delivers backwards")
            self._next = item[0] + 1
        return item
