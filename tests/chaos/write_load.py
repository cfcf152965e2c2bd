"""Clients that change things steadily, through whichever writer answers.

A change that got no answer is sent again under its idempotency key, to the other writer, until
it is acknowledged. Only what a dead or stopped server looks like is repeated; any other error
ends the load.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import grpc
from cqc.assets.v1 import asset_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.message import Message

from tests.chaos.answer_check import Answer
from tests.support.load_clients import NATIVE, Acknowledged, Writer

#: From one change of a client to its next.
PAUSE_S: Final = 0.08
#: From an attempt that got no answer to the next.
RETRY_S: Final = 0.1
#: A change is repeated for this long; no fault here lasts as long.
GIVE_UP_S: Final = 90.0
COUNTERS: Final = 2
MAKERS: Final = 2
#: Assets that readers ask for.
KNOWN: Final = 32

LOST: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)


class LastWrite(NamedTuple):
    """The newest acknowledgement of a change: when it was first sent, and where it stands."""

    sent_s: float
    epoch: int
    revision: int


class WriteLoad:
    """The load, and what it was answered.

    Attributes:
        acknowledged: Every change, in the order of the answers.
        increments: Counter -> how many of its increments were acknowledged.
        answers: What the writers' reads said.
        unanswered: Attempts that got no answer, by status.
    """

    def __init__(self, writers: list[Writer], name: str) -> None:
        self._writers = writers
        self._name = name
        self._numbers = itertools.count()
        self._active = True
        self.known: list[str] = []
        self.acknowledged: list[Acknowledged] = []
        self.increments: Counter[str] = Counter()
        self.answers: list[Answer] = []
        self.unanswered: Counter[str] = Counter()
        self.last_write = LastWrite(0.0, 0, 0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run beside the block; at its end every client finishes what it began."""
        counters = [await self._create(f"{self._name}-COUNTER{n}", n) for n in range(COUNTERS)]
        async with asyncio.TaskGroup() as group:
            for number, counter in enumerate(counters):
                group.create_task(self._count(number, counter.asset_id))
            for number in range(MAKERS):
                group.create_task(self._make(number))
            try:
                yield
            finally:
                self._active = False

    async def until_acknowledged_after(self, instant_s: float) -> LastWrite:
        """The first acknowledgement of something that was sent after this instant, or later."""
        async with asyncio.timeout(GIVE_UP_S):
            while self.last_write.sent_s <= instant_s:
                await asyncio.sleep(RETRY_S / 10)
        return self.last_write

    # ------------------------------------------------------------ clients

    async def _count(self, number: int, asset_id: str) -> None:
        """Read, add one, write if nobody wrote since; else again."""
        while self._active:
            await asyncio.sleep(PAUSE_S)
            asked = pb.GetAssetRequest(asset_id=asset_id)
            got, (epoch, revision) = await self._insist("GetAsset", asked, number)
            who = f"counter {number}, at a writer"
            self.answers.append(Answer(who, epoch, revision, asset_id, got.asset))
            more = str(int(got.asset.description) + 1)
            update = pb.UpdateAssetRequest(
                asset_id=asset_id, description=more, if_revision=revision
            )
            try:
                answer = await self._change("UpdateAsset", update, number)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.ABORTED:
                    raise
                continue
            self.increments[asset_id] += 1
            self._acknowledge(answer.revision, asset_id, answer.asset)

    async def _make(self, number: int) -> None:
        """Make an asset, rename it, and remove every other."""
        for turn in itertools.count():
            if not self._active:
                return
            made = await self._create(f"{self._name}-OWN{number}-{turn}", number)
            await asyncio.sleep(PAUSE_S)
            name = f"{made.name} renamed"
            update = pb.UpdateAssetRequest(asset_id=made.asset_id, name=name)
            answer = await self._change("UpdateAsset", update, number + 1)
            self._acknowledge(answer.revision, made.asset_id, answer.asset)
            await asyncio.sleep(PAUSE_S)
            if turn % 2:
                delete = pb.DeleteAssetRequest(asset_id=made.asset_id)
                gone = await self._change("DeleteAsset", delete, number)
                self._acknowledge(gone.revision, made.asset_id, None)
                await asyncio.sleep(PAUSE_S)

    async def _create(self, symbol: str, place: int) -> asset_pb2.Asset:
        request = pb.CreateAssetRequest(
            symbol=symbol, name=symbol, asset_type=NATIVE, description="0"
        )
        answer = await self._change("CreateAsset", request, place)
        made: asset_pb2.Asset = answer.asset
        self.known = [*self.known, made.asset_id][-KNOWN:]
        self._acknowledge(answer.revision, made.asset_id, made)
        return made

    def _acknowledge(self, revision: int, key: str, after: Message | None) -> None:
        one = Acknowledged(revision, "asset", key, removed=after is None, after=after)
        self.acknowledged.append(one)

    # ------------------------------------------------------------ until it is answered

    async def _change(self, name: str, request: Any, place: int) -> Any:
        sent_s = asyncio.get_running_loop().time()
        once = f"{self._name}/{next(self._numbers)}"
        answer, (epoch, revision) = await self._insist(name, request, place, once)
        self.last_write = LastWrite(max(sent_s, self.last_write.sent_s), epoch, revision)
        return answer

    async def _insist(
        self, name: str, request: Any, place: int, once: str = ""
    ) -> tuple[Any, tuple[int, int]]:
        """Ask the writers in turn until one answers; changes nothing twice if `once` is given."""
        clock = asyncio.get_running_loop().time
        give_up_s = clock() + GIVE_UP_S
        for attempt in itertools.count(place):
            writer = self._writers[attempt % len(self._writers)]
            try:
                return await writer.ask(getattr(writer.registry, name), request, once)
            except grpc.aio.AioRpcError as error:
                if error.code() not in LOST or clock() > give_up_s:
                    raise
                self.unanswered[error.code().name] += 1
            await asyncio.sleep(RETRY_S)
        raise AssertionError
