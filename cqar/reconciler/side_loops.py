"""What runs beside the rounds: each a loop that is begun again when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.reconciler.webhooks.delivery import WebhookLoop
from cqar_shared.runtime.process_memory import trim_memory_after_bursts
from cqar_shared.runtime.telemetry import DEPENDENCY_UP

#: Seconds between two looks at the writer.
ASK_EVERY_S: Final = 5.0

Loops = dict[str, Callable[[], Awaitable[object]]]


class WriterProbe:
    """Whether the writer answers.

    Attributes:
        problem: What it said last; empty: it answered. Until it was asked it is not known.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.problem = "not asked yet"

    async def run(self) -> None:
        """Ask it again and again, until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(ASK_EVERY_S)

    async def ask(self) -> None:
        method = self._connection.admin.GetHead
        try:
            await asyncio.to_thread(self._connection.call, method, pb.GetHeadRequest())
            self.problem = ""
        except CallFailed as error:
            self.problem = str(error)[:200]
        DEPENDENCY_UP.labels("writer").set(not self.problem)


def loops(probe: WriterProbe, webhooks: Iterable[WebhookLoop] = ()) -> Loops:
    """The loops by name."""
    return {
        "writer probe": probe.run,
        "memory": partial(trim_memory_after_bursts, collect=True),
        **{f"webhook {webhook.name}": webhook.run for webhook in webhooks},
    }
