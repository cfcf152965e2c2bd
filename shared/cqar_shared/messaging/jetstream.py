"""Publishes to JetStream with an expected sequence, and serves requests over NATS.

`nats_connection` makes the connection, `streams` makes the two streams, and `stream_reader` reads
them.
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
#: JetStream republishes stored messages on it.
PUBLISHED_SUBJECT: Final = "cqar.published"
EVENTS: Final = "CQC_EVENTS"
#: Requests for the head, answered by any writer, which reads it after the request arrives.
HEAD_SUBJECT: Final = "cqar.head"
#: Requests for the head, answered by every writer that can.
HEAD_ALL_SUBJECT: Final = "cqar.head.all"
#: Requests for a new epoch, answered by any writer, which checks itself whether history was lost.
BUMP_SUBJECT: Final = "cqar.bump"
WRITERS: Final = "cqar-writers"
API_PREFIX: Final = api.DEFAULT_PREFIX

#: Name of the registry's id in a stream's metadata.
OWNER: Final = "cqar-registry"

REQUEST_TIMEOUT_S: Final = 2.0
#: Requests on one subject that are answered at once, each within `REQUEST_TIMEOUT_S`.
ANSWERS_MAX: Final = 10_000
#: Time between two checks for a connection, which takes milliseconds.
CONNECT_LOOK_S: Final = 0.01
CONNECT_LOOKS: Final = 100
#: JetStream's error code for a wrong expected last sequence.
WRONG_LAST_SEQUENCE: Final = 10071


def owner_of(info: api.StreamInfo) -> str:
    """The id of the registry that claimed a stream, in hexadecimal; empty if none did.

    In a claimed stream, a message of another registry is skipped. It is no sign that two
    registries share the stream.
    """
    return (info.config.metadata or {}).get(OWNER, "")


async def claim(js: JetStreamContext, info: api.StreamInfo, registry_id: bytes) -> None:
    """Write the registry's id to a stream's metadata; the operator's settings stay."""
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
    """Read a stream's mark; None if it is not available, as before the first connection."""
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
    """Somebody else published first: read again what the stream contains."""


async def publish_expecting(
    js: JetStreamContext,
    stream: str,
    subject: str,
    payload: bytes,
    last: int,
    headers: dict[str, str] | None = None,
    ttl_s: int | None = None,
) -> int:
    """Publish if the stream's last sequence is `last`; return the new one.

    There is no message id: after a purge or a lost tail, JetStream would acknowledge a repeated id
    as a duplicate and store nothing.

    Raises:
        LostRace: the last sequence is another, or nothing was stored.
    """
    wanted = {**(headers or {}), **expecting(stream, last)}
    return await publish_acknowledged(js, stream, subject, payload, wanted, ttl_s)


def expecting(stream: str, last: int) -> dict[str, str]:
    """Headers by which a message is stored only if the stream's last sequence is `last`."""
    return {"Nats-Expected-Last-Sequence": str(last), "Nats-Expected-Stream": stream}


async def publish_acknowledged(
    js: JetStreamContext,
    stream: str,
    subject: str,
    payload: bytes,
    headers: dict[str, str],
    ttl_s: int | None = None,
) -> int:
    """Publish a message with its expectations in headers; return its sequence.

    Raises:
        LostRace: the stream is not as expected, or nothing was stored.
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
    """The stream is gone or replaced, or the server does not answer: start reading again."""


async def serve(
    client: Client,
    subject: str,
    answer: Callable[[bytes], Awaitable[bytes]],
    *,
    queue: str = WRITERS,
) -> Subscription:
    """Answer requests on `subject` until the returned subscription is cancelled.

    If an answer fails, or too many are under way, nothing is sent, and the caller's request times
    out.

    Args:
        queue: Queue group of the writers, each of which answers some; empty if each answers all.
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
