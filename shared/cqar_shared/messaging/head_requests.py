"""Requests the registry's head over NATS: from one writer, and from all if it does not answer.

A writer that is stopped or cut off stays in the queue group until the server notices, and receives
its share of requests meanwhile. So the request then goes to all writers.
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

#: Wait for one writer, which answers within milliseconds, before all are asked.
ALONE_S: Final = 0.3
#: Longest duration of a request.
WHOLE_S: Final = jetstream.REQUEST_TIMEOUT_S
#: Answers to one request that are queued; there are a handful of writers.
ANSWERS_MAX: Final = 64
_NOBODY: Final = "503"

#: Whether a head is acceptable, as far as the caller can tell.
IsWanted = Callable[[replication_pb2.Head], bool]


class HeadAnswer(NamedTuple):
    """A head from a writer.

    Attributes:
        of_group: Whether only one writer was asked.
    """

    head: replication_pb2.Head
    of_group: bool


class HeadRequests:
    """Asks writers for the head; an answer after the end of its request is dropped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: Inbox of the one subscription for all requests; empty before the first.
        self._inbox = ""
        self._numbers = 0
        self._open: dict[str, _Request] = {}

    async def head(self, is_wanted: IsWanted) -> HeadAnswer:
        """Return the first wanted head; if none is wanted, the first head.

        The queue group of the writers is asked first, then all writers if there is no answer or
        not a wanted one.

        Raises:
            ConnectionError: no answer is a head.
            NoRespondersError, TimeoutError: nobody answers.
        """
        return await self._ask(is_wanted, jetstream.HEAD_SUBJECT, jetstream.HEAD_ALL_SUBJECT)

    async def head_of_any(self, is_wanted: IsWanted) -> replication_pb2.Head | None:
        """Ask all writers; return the first wanted head, or None."""
        try:
            answer = await self._ask(is_wanted, jetstream.HEAD_ALL_SUBJECT)
        except (ConnectionError, NoRespondersError, TimeoutError):
            return None
        return answer.head if is_wanted(answer.head) else None

    async def _ask(self, is_wanted: IsWanted, *subjects: str) -> HeadAnswer:
        """Ask on each subject in turn, until there is a wanted answer."""
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
        """Open a request, whose answers are received until the block ends."""
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
        """Make the reply subject of one message; a writer answers each message once."""
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
    """An open request: its reply subjects, and the answers so far."""

    replies: list[str]
    answers: asyncio.Queue[Msg]


class _Heard:
    """Evaluates the answers to a request.

    Attributes:
        nobody: How often the server said that there is nobody to answer.
    """

    def __init__(self, is_wanted: IsWanted) -> None:
        self._is_wanted = is_wanted
        self._unwanted: replication_pb2.Head | None = None
        self._unread = 0
        self.nobody = 0

    def take(self, message: Msg) -> replication_pb2.Head | None:
        """Return the head in an answer if it is wanted."""
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
        """Return the first head that was not wanted.

        Raises:
            ConnectionError: no answer is a head.
            NoRespondersError, TimeoutError: nobody answers.
        """
        if self._unwanted is not None:
            return self._unwanted
        if self._unread:
            raise ConnectionError(f"the answer on {subjects[0]} is not a head")
        raise NoRespondersError if self.nobody == len(subjects) else TimeoutError


async def _next(answers: asyncio.Queue[Msg], wait_s: float) -> Msg | None:
    """The next answer; None if there is none in time."""
    if wait_s <= 0:
        return None
    try:
        async with asyncio.timeout(wait_s):
            return await answers.get()
    except TimeoutError:
        return None
