"""Requests for the registry's head over NATS: to one writer, and to all of them when it is silent.

A writer that is stopped, or cut off, stays in the queue group until the server notices, and is sent
its share of all requests meanwhile. So an asker does not wait for it: it asks everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js import api

from cqar_shared.messaging import jetstream

#: A writer answers within milliseconds; who has none after this asks everybody.
ALONE_S: Final = 0.3
#: For one request, whomever it was sent to.
WHOLE_S: Final = jetstream.REQUEST_TIMEOUT_S
#: Answers to one request that wait to be looked at: there are a handful of writers.
ANSWERS_MAX: Final = 64
_NOBODY: Final = "503"

#: Whether a head is one to be believed, as far as the asker can tell.
IsWanted = Callable[[replication_pb2.Head], bool]


class HeadAnswer(NamedTuple):
    """A writer's head.

    Attributes:
        of_group: Whether one writer had been asked for it, not all of them.
    """

    head: replication_pb2.Head
    of_group: bool


class HeadRequests:
    """Asks writers for the head. An answer that comes after its request's end is dropped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: One subscription for all requests; empty until the first.
        self._inbox = ""
        self._numbers = 0
        self._open: dict[str, _Request] = {}

    async def head(self, is_wanted: IsWanted) -> HeadAnswer:
        """The first answer that is wanted; where none is, the first that is a head.

        The writers' queue group is asked first, and everybody once that does not answer, or with
        what is not wanted.

        Raises:
            ConnectionError: What answers is no head.
            NoRespondersError, TimeoutError: Nobody answers.
        """
        return await self._ask(is_wanted, jetstream.HEAD_SUBJECT, jetstream.HEAD_ALL_SUBJECT)

    async def head_of_any(self, is_wanted: IsWanted) -> replication_pb2.Head | None:
        """The first wanted head that any writer answers, all being asked; None where none is."""
        try:
            answer = await self._ask(is_wanted, jetstream.HEAD_ALL_SUBJECT)
        except (ConnectionError, NoRespondersError, TimeoutError):
            return None
        return answer.head if is_wanted(answer.head) else None

    async def _ask(self, is_wanted: IsWanted, *subjects: str) -> HeadAnswer:
        """Ask on each subject, once the one before was not answered well."""
        heard, left = _Heard(is_wanted), list(subjects)
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + WHOLE_S
        async with self._request() as request:
            while heard.nobody < len(subjects):
                if left:
                    await self._client.publish(left.pop(0), b"", reply=self._reply_to(request))
                wait_s = ALONE_S if left else until_s - now_s()
                message = await _next(request.answers, wait_s)
                if message is None and not left:
                    break
                if message is not None and (head := heard.take(message)) is not None:
                    return HeadAnswer(head, of_group=bool(left))
        return HeadAnswer(heard.second_best(subjects), of_group=False)

    @asynccontextmanager
    async def _request(self) -> AsyncIterator[_Request]:
        """One that is heard of until the block's end."""
        if not self._inbox:
            inbox = self._client.new_inbox()
            await self._client.subscribe(f"{inbox}.*", cb=self._hear)
            self._inbox = inbox
        request = _Request([], asyncio.Queue(ANSWERS_MAX))
        try:
            yield request
        finally:
            for reply in request.replies:
                del self._open[reply]

    def _reply_to(self, request: _Request) -> str:
        """A subject of its own for each message: a writer may answer once to one."""
        self._numbers += 1
        reply = f"{self._inbox}.{self._numbers}"
        request.replies.append(reply)
        self._open[reply] = request
        return reply

    async def _hear(self, message: Msg) -> None:
        request = self._open.get(message.subject)
        if request is not None and not request.answers.full():
            request.answers.put_nowait(message)


class _Request(NamedTuple):
    """Where it is answered, and what came there."""

    replies: list[str]
    answers: asyncio.Queue[Msg]


class _Heard:
    """What answers came to.

    Attributes:
        nobody: Times that the server said that nobody would answer.
    """

    def __init__(self, is_wanted: IsWanted) -> None:
        self._is_wanted = is_wanted
        self._unwanted: replication_pb2.Head | None = None
        self._unread = 0
        self.nobody = 0

    def take(self, message: Msg) -> replication_pb2.Head | None:
        """An answer's head if it is wanted."""
        if (message.headers or {}).get(api.Header.STATUS) == _NOBODY:
            self.nobody += 1
            return None
        try:
            head = replication_pb2.Head.FromString(message.data)
        except DecodeError:
            self._unread += 1
            return None
        if self._is_wanted(head):
            return head
        self._unwanted = self._unwanted or head
        return None

    def second_best(self, subjects: Sequence[str]) -> replication_pb2.Head:
        """The first head that was not wanted.

        Raises:
            ConnectionError: What answers is no head.
            NoRespondersError, TimeoutError: Nobody answers.
        """
        if self._unwanted is not None:
            return self._unwanted
        if self._unread:
            raise ConnectionError(f"what answers on {subjects[0]} is no head")
        raise NoRespondersError if self.nobody == len(subjects) else TimeoutError


async def _next(answers: asyncio.Queue[Msg], wait_s: float) -> Msg | None:
    """The next answer; None where none comes in time."""
    if wait_s <= 0:
        return None
    try:
        async with asyncio.timeout(wait_s):
            return await answers.get()
    except TimeoutError:
        return None
