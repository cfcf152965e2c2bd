"""JetStream: two streams, and requests that writers answer.

The connection is made by `cqar_shared.messaging.nats_connection`, the streams by
`cqar_shared.messaging.streams`; they are read
by `cqar_shared.messaging.stream_reader`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import APIError

from cqar_shared.replication.positions import StreamMark

log = logging.getLogger(__name__)

CHANGES: Final = "CQAR_CHANGES"
CHANGES_SUBJECT: Final = "cqar.changes"
#: What the stream has stored, as JetStream publishes it again.
PUBLISHED_SUBJECT: Final = "cqar.published"
EVENTS: Final = "CQC_EVENTS"
#: A request answered by any writer: the head, read after the request came.
HEAD_SUBJECT: Final = "cqar.head"
#: The same, answered by every writer that can.
HEAD_ALL_SUBJECT: Final = "cqar.head.all"
#: A request answered by any writer, who looks for itself whether history was lost.
BUMP_SUBJECT: Final = "cqar.bump"
WRITERS: Final = "cqar-writers"
API_PREFIX: Final = api.DEFAULT_PREFIX

#: Under this name a stream's metadata says whose it is.
OWNER: Final = "cqar-registry"

REQUEST_TIMEOUT_S: Final = 2.0
#: Requests on one subject that are answered at the same time, each within `REQUEST_TIMEOUT_S`.
ANSWERS_MAX: Final = 10_000
#: A connection takes milliseconds where there is a server.
CONNECT_LOOK_S: Final = 0.01
CONNECT_LOOKS: Final = 100
#: JetStream's code for an expected last sequence that is not the last.
WRONG_LAST_SEQUENCE: Final = 10071


def owner_of(info: api.StreamInfo) -> str:
    """The id of the registry that claimed a stream, in hex; empty where none did.

    So a message of another registry in a stream that is claimed is known for what it is: not a
    sign that two registries share the stream, but a message to be stepped over.
    """
    return (info.config.metadata or {}).get(OWNER, "")


async def claim(js: JetStreamContext, info: api.StreamInfo, registry_id: bytes) -> None:
    """Note in a stream's own configuration whose it is; its operator's settings stay."""
    metadata = {**(info.config.metadata or {}), OWNER: registry_id.hex()}
    try:
        await js.update_stream(info.config, metadata=metadata)
    except (NatsError, TimeoutError) as error:
        log.warning("%s cannot be marked as this registry's: %s", info.config.name, error)


async def mark_of(js: JetStreamContext, stream: str) -> StreamMark:
    return mark_in(await js.stream_info(stream))


def mark_in(info: api.StreamInfo) -> StreamMark:
    state = info.state
    return StreamMark(str(info.created), state.first_seq, state.last_seq)


async def note(client: Client, stream: str, prefix: str = API_PREFIX) -> StreamMark | None:
    """Where a stream is now; None where that is not to be had, as before the first connection."""
    for _ in range(CONNECT_LOOKS):
        if client.is_connected:
            break
        await asyncio.sleep(CONNECT_LOOK_S)
    else:
        log.warning("%s is not looked at: NATS is not connected", stream)
        return None
    try:
        js = client.jetstream(timeout=REQUEST_TIMEOUT_S, prefix=prefix)
        return await mark_of(js, stream)
    except (NatsError, TimeoutError, OSError) as error:
        log.warning("%s is not there: %s", stream, error or type(error).__name__)
        return None


class LostRace(Exception):
    """Somebody else published first: look again at what the stream holds now."""


async def publish_expecting(
    js: JetStreamContext,
    stream: str,
    subject: str,
    payload: bytes,
    last: int,
    headers: dict[str, str] | None = None,
    ttl_s: int | None = None,
) -> int:
    """Publish if the stream's last sequence is `last`; returns the new one.

    No message id: after a purge or a lost tail, JetStream acknowledges a repeated id within
    its window as a duplicate and stores nothing.

    Raises:
        LostRace: It is not, or nothing was stored.
    """
    wanted = {**(headers or {}), **expecting(stream, last)}
    return await publish_acknowledged(js, stream, subject, payload, wanted, ttl_s)


def expecting(stream: str, last: int) -> dict[str, str]:
    """Headers that have a message stored only if the stream's last sequence is `last`."""
    return {"Nats-Expected-Last-Sequence": str(last), "Nats-Expected-Stream": stream}


async def publish_acknowledged(
    js: JetStreamContext,
    stream: str,
    subject: str,
    payload: bytes,
    headers: dict[str, str],
    ttl_s: int | None = None,
) -> int:
    """Publish what says itself what it expects; returns the sequence that it got.

    Raises:
        LostRace: The stream is not as expected, or nothing was stored.
    """
    try:
        ack = await js.publish(
            subject, payload, timeout=REQUEST_TIMEOUT_S, headers=headers, msg_ttl=ttl_s
        )
    except APIError as error:
        if error.err_code == WRONG_LAST_SEQUENCE:
            raise LostRace(f"{stream}: {error.description}") from error
        raise
    if ack.duplicate:
        raise LostRace(f"{stream}: acknowledged as a duplicate, so not stored")
    return ack.seq


class ConsumerLost(Exception):
    """The stream is gone or another, or the server does not answer: begin to read anew."""


async def serve(
    client: Client,
    subject: str,
    answer: Callable[[bytes], Awaitable[bytes]],
    *,
    queue: str = WRITERS,
) -> Subscription:
    """Answer requests on `subject` until what is returned is unsubscribed.

    An answer that fails is not sent: the asker's timeout is the truth. Nor is one for which there
    is no room.

    Args:
        queue: Shared with the other writers, each answering some; empty: each answers all.
    """
    running: set[asyncio.Task[None]] = set()

    async def respond(message: Msg) -> None:
        try:
            await message.respond(await answer(message.data))
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            log.warning("no answer to a request on %s: %s", subject, text)
            log.debug("%s", subject, exc_info=error)

    async def begin(message: Msg) -> None:
        if len(running) < ANSWERS_MAX:
            task = asyncio.create_task(respond(message))
            running.add(task)
            task.add_done_callback(running.discard)

    return await client.subscribe(subject, queue=queue, cb=begin)
