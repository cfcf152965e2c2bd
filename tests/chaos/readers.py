"""Readers that carry the newest revision they saw, and must never be answered from before it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.rpc.min_revision import HEADER
from tests.chaos.answer_check import Answer
from tests.chaos.write_load import WriteLoad
from tests.support.call_errors import refusal_of
from tests.support.load_clients import spoken_of

READ_TIMEOUT_S: Final = 10.0
PAUSE_S: Final = 0.05

Position = tuple[int, int]


class Reader:
    """One client of one address.

    Args:
        reads: A stub of the registry's reads.

    Attributes:
        seen: (epoch, revision) of the newest answer, which every request carries.
        refused: What it was told instead of an answer, by status.
    """

    def __init__(self, name: str, reads: Any) -> None:
        self._name = name
        self._reads = reads
        self.seen: Position = (0, 0)
        self.answers: list[Answer] = []
        self.refused: Counter[str] = Counter()

    async def ask(self, asset_id: str, floor: Position = (0, 0)) -> None:
        """Ask for an asset at a revision not before `floor`, nor before what was seen.

        Raises:
            AssertionError: The answer is of before, or an error that no fault excuses.
        """
        wanted = max(self.seen, floor)
        carried = ((HEADER, f"{wanted[0]}:{wanted[1]}"),) if wanted > (0, 0) else ()
        call = self._reads.GetAsset(
            pb.GetAssetRequest(asset_id=asset_id), metadata=carried, timeout=READ_TIMEOUT_S
        )
        try:
            asset = (await call).asset
            at = spoken_of(await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                self._require_excused(error)
                return
            asset, at = None, spoken_of(error.trailing_metadata())
        assert at >= wanted, f"{self._name} carried {wanted} and was answered from {at}"
        self.seen = max(self.seen, at)
        self.answers.append(Answer(self._name, *at, asset_id, asset))

    def _require_excused(self, error: grpc.aio.AioRpcError) -> None:
        reason = refusal_of(error).reason
        self.refused[f"{error.code().name} {reason}".strip()] += 1
        if reason == "EPOCH_CHANGED":
            self.seen = (0, 0)  # as the error tells to
            return
        assert error.code() is grpc.StatusCode.UNAVAILABLE, f"{self._name}: {error}"


@asynccontextmanager
async def reading(readers: Sequence[Reader], load: WriteLoad, seed: int) -> AsyncIterator[None]:
    """All of them ask for what the load knows, until the block ends."""
    choice = random.Random(seed)
    active = True

    async def read(reader: Reader) -> None:
        while active:
            # Every other time it has been told by a writer, and wants to see at least that.
            told = (load.last_write.epoch, load.last_write.revision)
            floor = told if choice.random() < 0.5 else (0, 0)
            if load.known:
                await reader.ask(choice.choice(load.known), floor)
            await asyncio.sleep(PAUSE_S)

    async with asyncio.TaskGroup() as group:
        for reader in readers:
            group.create_task(read(reader))
        try:
            yield
        finally:
            active = False
