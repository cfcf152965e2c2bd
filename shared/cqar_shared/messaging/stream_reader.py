"""A stream read without a consumer: what is published as it comes, and what is missing by request.

A consumer is made with a subject of its maker's choice to deliver to, and JetStream publishes there
with no user's rights: who may make consumers may publish. So readers make none. They hear what
JetStream republishes once it is stored (`PUBLISHED_SUBJECT`), which bears its sequence and its
predecessor's, and ask for what is between (DIRECT.GET, NATS 2.11). The server keeps no state for
them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import TimeoutError as NatsTimeoutError

from cqar_shared.messaging import jetstream
from cqar_shared.replication.positions import StreamMark

#: What a request answers at most; there may be more.
BATCH_MESSAGES: Final = 256
BATCH_BYTES: Final = 8 * 1024**2
#: A message that was lost between the server and here is asked for after this long.
IDLE_S: Final = 1.0
#: What is heard and waits to be handled; the server's client drops what comes beyond.
WAITING_MESSAGES_MAX: Final = 4096
WAITING_BYTES_MAX: Final = 64 * 1024**2
#: A search halves what is left each time, and sequences have so many bits.
SEARCH_STEPS_MAX: Final = 64
_NONE: Final = "404"
_ENDS: Final = ("204", _NONE)
_SEQUENCE: Final = "Nats-Sequence"
_BEFORE: Final = "Nats-Last-Sequence"

Item = tuple[int, bytes]


class StreamReader:
    """One stream of one subject.

    Args:
        published: Where its messages are republished once they are stored.
        api_prefix: Of JetStream's API, where the stream is another account's.
    """

    def __init__(
        self,
        client: Client,
        stream: str = jetstream.CHANGES,
        published: str = jetstream.PUBLISHED_SUBJECT,
        *,
        api_prefix: str = jetstream.API_PREFIX,
    ) -> None:
        self._client = client
        self._stream = stream
        self._published = published
        self._api_prefix = api_prefix
        self._direct = f"{api_prefix}.DIRECT.GET.{stream}"
        self._js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S, prefix=api_prefix)

    async def mark_and_owner(self) -> tuple[StreamMark, str]:
        """Where the stream is now, and the registry that claimed it, in hex; empty if none did."""
        info = await self._js.stream_info(self._stream)
        return jetstream.mark_in(info), jetstream.owner_of(info)

    async def mark(self) -> StreamMark:
        """Where the stream is now."""
        return (await self.mark_and_owner())[0]

    async def note(self) -> StreamMark | None:
        """Where it is now; None where that is not to be had, as before the first connection."""
        return await jetstream.note(self._client, self._stream, self._api_prefix)

    async def first_from(self, sequence: int) -> Item | None:
        """The first message that it holds at a sequence or beyond; None where it holds none.

        Raises:
            ConsumerLost: The server does not say.
        """
        request = json.dumps({"seq": sequence, "next_by_subj": ">"}).encode()
        message = await self._client.request(
            self._direct, request, timeout=jetstream.REQUEST_TIMEOUT_S
        )
        if (status := (message.headers or {}).get("Status")) is not None:
            if status != _NONE:
                raise jetstream.ConsumerLost(f"status {status} to a request for a message")
            return None
        return _place(message)[0], message.data

    async def search(self, mark: StreamMark, is_before: Callable[[bytes], bool]) -> int | None:
        """The sequence of the first message that is not before what is searched for, if there is.

        Args:
            mark: Where the stream is now.
            is_before: Of a payload; in the stream, those that are come first.

        Raises:
            ConsumerLost: The server does not say.
        """
        newest = await self.first_from(mark.last)
        if newest is not None and is_before(newest[1]):
            return None
        low, high, found = max(1, mark.first), mark.last + 1, None
        for _ in range(SEARCH_STEPS_MAX):
            if low >= high:
                break
            middle = (low + high) // 2
            item = await self.first_from(middle)
            if item is not None and is_before(item[1]):
                low = item[0] + 1
            else:
                high, found = middle, item[0] if item is not None else found
        return found

    async def held(self, first: int, last: int) -> AsyncGenerator[Item, None]:
        """Yield (sequence, payload) of what it holds from `first` to `last`.

        Raises:
            ConsumerLost: The server does not answer.
        """
        inbox = self._client.new_inbox()
        answers = await self._client.subscribe(inbox)
        try:
            async for sequence, payload in self._missing(answers, inbox, first - 1):
                if sequence > last:
                    return
                yield sequence, payload
        finally:
            if self._client.is_connected:
                await answers.unsubscribe()

    async def read(self, after: int) -> AsyncIterator[Item | None]:
        """Yield (sequence, payload) of what follows `after`, as it comes; None each idle second.

        Raises:
            ConsumerLost: Messages may be missing, or the stream is another.
        """
        heard = await self._client.subscribe(
            self._published,
            pending_msgs_limit=WAITING_MESSAGES_MAX,
            pending_bytes_limit=WAITING_BYTES_MAX,
        )
        inbox = self._client.new_inbox()
        answers = await self._client.subscribe(inbox)
        newest_heard = 0
        try:
            # Heard first, then asked: what is stored in between comes by both ways.
            must_ask = True
            while True:
                if must_ask:
                    async for sequence, payload in self._missing(answers, inbox, after):
                        after = sequence
                        yield sequence, payload
                must_ask = True
                try:
                    message = await heard.next_msg(timeout=IDLE_S)
                except NatsTimeoutError:
                    yield None
                    continue
                sequence, before = _place(message)
                if sequence <= newest_heard:
                    raise jetstream.ConsumerLost(f"{self._stream} begins anew at {sequence}")
                newest_heard = sequence
                must_ask = before > after
                if not must_ask and sequence > after:
                    after = sequence
                    yield sequence, message.data
        finally:
            if self._client.is_connected:
                await heard.unsubscribe()
                await answers.unsubscribe()

    async def _missing(self, answers: Subscription, inbox: str, after: int) -> AsyncIterator[Item]:
        """All that the stream holds after `after` now."""
        wanted = {"batch": BATCH_MESSAGES, "max_bytes": BATCH_BYTES}
        is_whole = False
        while not is_whole:
            request = json.dumps({"seq": after + 1, **wanted}).encode()
            await self._client.publish(self._direct, request, reply=inbox)
            while True:
                try:
                    message = await answers.next_msg(timeout=jetstream.REQUEST_TIMEOUT_S)
                except NatsTimeoutError as error:
                    raise jetstream.ConsumerLost("no answer to a request for messages") from error
                headers = message.headers or {}
                if (status := headers.get("Status")) is not None:
                    if status not in _ENDS:
                        raise jetstream.ConsumerLost(f"status {status} to a request for messages")
                    is_whole = status == "404" or headers.get("Nats-Num-Pending") == "0"
                    break
                after, _ = _place(message)
                yield after, message.data


def _place(message: Msg) -> tuple[int, int]:
    """A message's sequence, and that of the one before.

    Raises:
        ConsumerLost: The message bears none: JetStream did not send it.
    """
    headers = message.headers or {}
    try:
        return int(headers[_SEQUENCE]), int(headers.get(_BEFORE, 0))
    except (KeyError, ValueError) as error:
        raise jetstream.ConsumerLost("a message bears no sequence") from error
