"""A stream is read whole, in order and once, without a consumer on the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from cqar_shared.messaging import streams
from cqar_shared.messaging.jetstream import (
    CHANGES,
    CHANGES_SUBJECT,
    PUBLISHED_SUBJECT,
    ConsumerLost,
)
from cqar_shared.messaging.stream_reader import BATCH_MESSAGES, Item, StreamReader

NUMBERED = 3 * BATCH_MESSAGES + 7


async def publish(js: JetStreamContext, *numbers: int) -> None:
    for number in numbers:
        await js.publish(CHANGES_SUBJECT, b"%d" % number)


async def take(items: AsyncIterator[Item | None], many: int) -> list[Item]:
    found: list[Item] = []
    async with asyncio.timeout(60):
        while len(found) < many:
            if (item := await anext(items)) is not None:
                found.append(item)
    return found


def numbered(*numbers: int) -> list[Item]:
    return [(number, b"%d" % number) for number in numbers]


async def test_many_more_than_one_request_brings_are_read_in_order(
    client: Client, js: JetStreamContext
) -> None:
    publishing = asyncio.create_task(publish(js, *range(1, NUMBERED + 1)))
    async with aclosing(StreamReader(client).read(0)) as items:
        assert await take(items, NUMBERED) == numbered(*range(1, NUMBERED + 1))
        await publishing
        await publish(js, NUMBERED + 1)
        assert await take(items, 1) == numbered(NUMBERED + 1)
    info = await js.stream_info(CHANGES)
    assert info.state.consumer_count == 0


async def test_what_was_not_heard_is_asked_for(client: Client, js: JetStreamContext) -> None:
    async with aclosing(StreamReader(client).read(0)) as items:
        await publish(js, 1)
        assert await take(items, 1) == numbered(1)
        found = (await js.stream_info(CHANGES)).config
        # As while the connection was gone: stored, and republished to nobody.
        await js.update_stream(found, republish=None)
        await publish(js, 2, 3)
        assert await take(items, 2) == numbered(2, 3)
        await js.update_stream(found)
        await publish(js, 4)
        assert await take(items, 1) == numbered(4)


async def test_what_the_stream_has_dropped_is_passed_over(
    client: Client, js: JetStreamContext
) -> None:
    await publish(js, 1, 2, 3, 4)
    for sequence in (1, 3):
        await js.delete_msg(CHANGES, sequence)
    async with aclosing(StreamReader(client).read(0)) as items:
        assert await take(items, 2) == numbered(2, 4)
        await publish(js, 5)
        assert await take(items, 1) == numbered(5)


async def test_a_stream_that_begins_anew_is_noticed(client: Client, js: JetStreamContext) -> None:
    async with aclosing(StreamReader(client).read(0)) as items:
        assert await anext(items) is None
        await publish(js, 1, 2)
        assert await take(items, 2) == numbered(1, 2)
        await js.delete_stream(CHANGES)
        await js.add_stream(streams.changes_config())
        await publish(js, 1)
        with pytest.raises(ConsumerLost, match="begins anew"):
            await take(items, 1)


async def test_what_somebody_else_publishes_there_is_no_message(
    client: Client, js: JetStreamContext
) -> None:
    async with aclosing(StreamReader(client).read(0)) as items:
        await publish(js, 1)
        assert await take(items, 1) == numbered(1)
        await client.publish(PUBLISHED_SUBJECT, b"forged")
        with pytest.raises(ConsumerLost, match="bears no sequence"):
            await take(items, 1)


async def test_a_stream_of_an_earlier_release_republishes_from_now_on(
    client: Client, js: JetStreamContext
) -> None:
    found = (await js.stream_info(CHANGES)).config
    await js.update_stream(found, republish=None)
    assert (await js.stream_info(CHANGES)).config.republish is None
    await streams.ensure_stream(js, streams.changes_config())
    republished = (await js.stream_info(CHANGES)).config.republish
    assert republished is not None
    assert republished.dest == PUBLISHED_SUBJECT
    assert client.is_connected
