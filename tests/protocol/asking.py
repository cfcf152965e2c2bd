"""Requests to writers over NATS: to one of them, and to all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.messaging.jetstream import BUMP_SUBJECT
from tests.protocol.pausing import Away, pause
from tests.protocol.violation import require
from tests.protocol.writer_process import Writer


class Message(NamedTuple):
    data: bytes


class Asking:
    """Reaches the writers that there are.

    Args:
        writers: All of them.

    Attributes:
        forged: Answers to probes to come that no writer gives.
    """

    def __init__(self, writers: Callable[[], Sequence[Writer]]) -> None:
        self._writers = writers
        self._asked = self._requests = 0
        self.forged: list[replication_pb2.Head] = []

    def _in_turn(self) -> Iterator[Writer]:
        """All writers, each time another first; one that is silent is chosen before any other."""
        self._asked += 1
        writers = self._writers()
        at = self._asked % len(writers)
        yield from sorted([*writers[at:], *writers[:at]], key=lambda one: not one.is_silent)

    async def head(self, is_wanted: Callable[[replication_pb2.Head], bool]) -> replication_pb2.Head:
        """As `cqar_shared.messaging.head_requests.HeadRequests.head`: of one writer, else of any
        of all.

        Raises:
            Away: None answers.
        """
        await pause()
        if self.forged:
            return self.forged.pop()
        try:
            head = await _answer_of(next(self._in_turn()))
        except Away:
            head = None
        if head is not None and is_wanted(head):
            return head
        return await self.everybody(is_wanted) or _there(head)

    async def everybody(
        self, is_wanted: Callable[[replication_pb2.Head], bool]
    ) -> replication_pb2.Head | None:
        """As `HeadRequests.head_of_any`."""
        for writer in self._in_turn():
            try:
                head = await _answer_of(writer)
            except Away:
                continue
            if is_wanted(head):
                return head
        return None

    async def request(self, subject: str, payload: bytes, **_: object) -> Message:
        """As `nats.aio.client.Client.request`, of one writer."""
        require(subject == BUMP_SUBJECT, 0, "the simulation asks nothing else:", subject)
        asked = replication_pb2.EpochBumpRequest.FromString(payload)
        self._requests += 1
        writers = self._writers()
        writer = writers[self._requests % len(writers)]
        if writer.is_silent:
            raise Away
        bumped = await writer.bumps.answer(asked)
        return Message(replication_pb2.EpochBumpResponse(bumped=bumped).SerializeToString())


async def _answer_of(writer: Writer) -> replication_pb2.Head:
    if writer.is_silent:
        raise Away
    return await writer.database.answer()


def _there(head: replication_pb2.Head | None) -> replication_pb2.Head:
    if head is None:
        raise Away
    return head
