"""Answers requests for the head: those for any one writer, and those for all writers.

A writer that cannot read the head must not get requests that another one can answer: it leaves the
queue group until it can read the head again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

import asyncpg
import sqlalchemy as sa
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from cqar_shared.errors import RegistryError
from cqar_shared.messaging import jetstream
from cqar_writer import metrics
from cqar_writer.database.head import HeadReader

log = logging.getLogger(__name__)

#: How often a read of the head is tried while it fails, however many ask.
TRY_EVERY_S: Final = 1.0
#: Errors that mean that the head cannot be read.
_UNREADABLE: Final = (
    OSError,
    RegistryError,
    sa.exc.SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


class HeadResponder:
    """Serves the head over NATS."""

    def __init__(self, head_reader: HeadReader) -> None:
        self._head_reader = head_reader
        self._readable = asyncio.Event()
        self._failed = asyncio.Event()

    async def run(self, client: Client) -> None:
        """Answer until cancelled."""
        self._readable.set()
        for_all = await jetstream.serve(
            client, jetstream.HEAD_ALL_SUBJECT, self._answer_when_readable, queue=""
        )
        try:
            while True:
                await self._answer_in_group(client)
                await self._until_readable()
        finally:
            await _leave(for_all)

    async def _answer_in_group(self, client: Client) -> None:
        """Answer in the queue group until the head cannot be read."""
        self._failed.clear()
        group = await jetstream.serve(client, jetstream.HEAD_SUBJECT, self._answer)
        metrics.ANSWERS_PROBES.set(1)
        try:
            await self._failed.wait()
        finally:
            metrics.ANSWERS_PROBES.set(0)
            await _leave(group)

    async def _until_readable(self) -> None:
        log.warning("the head cannot be read: requests for it are left to other writers")
        self._readable.clear()
        while not self._readable.is_set():
            await asyncio.sleep(TRY_EVERY_S)
            with suppress(*_UNREADABLE):
                await self._head_reader.confirmed()
                self._readable.set()
        log.info("the head can be read again")

    async def _answer(self, request: bytes) -> bytes:
        try:
            return await self._head_reader.answer(request)
        except BaseException:
            self._failed.set()
            raise

    async def _answer_when_readable(self, request: bytes) -> bytes:
        """Answer with the head as soon as it can be read; a request triggers no extra read."""
        async with asyncio.timeout(jetstream.REQUEST_TIMEOUT_S):
            await self._readable.wait()
        return await self._answer(request)


async def _leave(subscription: Subscription) -> None:
    """Unsubscribe; a closed connection already has."""
    with suppress(NatsError):
        await subscription.unsubscribe()
