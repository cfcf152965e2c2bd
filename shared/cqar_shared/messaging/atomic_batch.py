"""Publishes several messages on a stream: all of them are stored, in order, or none.

It uses JetStream's atomic batches (ADR-50, since NATS 2.12), if the stream allows them. A message
then takes 20 microseconds instead of a round trip.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from nats.aio.client import Client
from nats.js.api import Header

from cqar_shared.messaging import jetstream

#: JetStream accepts at most 1,000 messages, and keeps them in memory until the last one.
MESSAGES_MAX: Final = 500
BYTES_MAX: Final = 1024**2
_ID: Final = Header.BATCH_ID.value
_SEQUENCE: Final = Header.BATCH_SEQUENCE.value
_COMMIT: Final = Header.BATCH_COMMIT.value
#: Messages published between two pauses for other tasks.
CHUNK_MESSAGES: Final = 32


class Message(NamedTuple):
    """A message to be published."""

    subject: str
    payload: bytes
    headers: dict[str, str]


def batches_of(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Split messages into batches, in order; a batch of one message may have any size."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == MESSAGES_MAX or size + len(message.payload) > BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.payload)
    if batch:
        yield batch


async def publish_expecting(
    client: Client, stream: str, messages: Sequence[Message], last: int
) -> int:
    """Publish a batch if the stream's last sequence is `last`; return the new one.

    Raises:
        LostRace: the last sequence is another; nothing was stored.
    """
    js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
    *others, final = messages
    if not others:
        return await jetstream.publish_expecting(js, stream, *final[:2], last, final.headers)
    batch = secrets.token_hex(16)
    expected = jetstream.expecting(stream, last)
    for number, message in enumerate(others, 1):
        headers = {**message.headers, **expected, **_place(batch, number)}
        await client.publish(message.subject, message.payload, headers=headers)
        expected = {}
        if number % CHUNK_MESSAGES == 0:
            await asyncio.sleep(0)
    ends = {**final.headers, **_place(batch, len(messages)), _COMMIT: "1"}
    return await jetstream.publish_acknowledged(js, stream, final.subject, final.payload, ends)


def _place(batch: str, number: int) -> dict[str, str]:
    return {_ID: batch, _SEQUENCE: str(number)}
