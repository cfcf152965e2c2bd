"""Many clients that change the same and different entities through several writers at once.

What was acknowledged is written down, for whoever compares it with what was stored. Every
error but the refusal of a stale `if_revision` ends the load.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

import grpc
from cqc.assets.v1 import asset_pb2
from cqc.assets.v1.group_pb2 import AssetGroup
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.venues.v1 import venue_pb2
from cqc.venues.v1.venue_asset_pb2 import VenueAsset
from cqc.writer.v1 import registry_admin_pb2 as admin_pb
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub
from google.protobuf.message import Message

from tests.support.entity_builders import an_id

CALL_TIMEOUT_S: Final = 60
VENUE: Final = "load"
NATIVE: Final = asset_pb2.ASSET_TYPE_NATIVE


class Acknowledged(NamedTuple):
    """One change that a writer answered for.

    Attributes:
        after: The entity as the answer told it; None where the answer tells only that it is done.
    """

    revision: int
    kind: str
    key: str
    removed: bool
    after: Message | None


class Writer:
    """One writer, as a client sees it."""

    def __init__(
        self, channel: grpc.aio.Channel, key: str, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        self.registry: Any = AssetRegistryStub(channel)
        self.admin: Any = RegistryAdminStub(channel)
        self._key = ("x-api-key", key)
        self._timeout_s = timeout_s

    async def call(self, method: Any, request: Any, once: str = "") -> Any:
        answer, _ = await self.ask(method, request, once)
        return answer

    async def read(self, method: Any, request: Any, once: str = "") -> tuple[Any, int]:
        """The answer, and the revision that it speaks of."""
        answer, (_, revision) = await self.ask(method, request, once)
        return answer, revision

    async def ask(self, method: Any, request: Any, once: str = "") -> tuple[Any, tuple[int, int]]:
        """The answer, and the (epoch, revision) that it speaks of."""
        again = (("idempotency-key", once),) if once else ()
        call = method(request, metadata=(self._key, *again), timeout=self._timeout_s)
        answer = await call
        return answer, spoken_of(await call.trailing_metadata())


def spoken_of(trailing: Any) -> tuple[int, int]:
    """The (epoch, revision) that an answer's trailing metadata names."""
    named = dict(trailing)
    return int(named["cqar-epoch"]), int(named["cqar-revision"])


class Load:
    """Runs clients until the time is over, and knows what they were answered.

    Attributes:
        acknowledged: Every change, in the order of the answers.
        increments: Counter -> how many of its increments were acknowledged.
        aborts: Increments refused because somebody else was first.
        repeated: Requests that were sent again under their idempotency key.
    """

    def __init__(self, writers: list[Writer]) -> None:
        self._writers = writers
        self._until = 0.0
        self.acknowledged: list[Acknowledged] = []
        self.increments: Counter[str] = Counter()
        self.aborts = 0
        self.repeated = 0

    async def run(self, clients: int, counters: int, seconds: float) -> None:
        """A third of the clients each: counting together, living alone, saying things twice."""
        first = self._writers[0]
        venue = pb.CreateVenueRequest(name=VENUE, venue_type=venue_pb2.VENUE_TYPE_CEX)
        made = await first.call(first.registry.CreateVenue, venue)
        self._told(made.revision, "venue", VENUE, made.venue)
        shared = [await self._create(first, f"COUNTER{n}") for n in range(counters)]
        self._until = asyncio.get_running_loop().time() + seconds
        roles: list[Callable[[int], Coroutine[Any, Any, None]]] = [
            lambda number: self._count(number, shared[number // 3 % counters].asset_id),
            self._live,
            self._repeat,
        ]
        async with asyncio.TaskGroup() as group:
            for number, role in zip(range(clients), itertools.cycle(roles), strict=False):
                group.create_task(role(number))

    @property
    def _goes_on(self) -> bool:
        return asyncio.get_running_loop().time() < self._until

    def _of(self, number: int) -> tuple[Writer, Writer]:
        """A client's writer, and another."""
        size = len(self._writers)
        place = number // 3
        return self._writers[place % size], self._writers[(place + 1) % size]

    def _told(self, revision: int, kind: str, key: str, after: Message | None) -> None:
        self.acknowledged.append(Acknowledged(revision, kind, key, removed=False, after=after))

    async def _create(self, writer: Writer, symbol: str) -> asset_pb2.Asset:
        request = pb.CreateAssetRequest(
            symbol=symbol, name=symbol, asset_type=NATIVE, description="0"
        )
        answer = await writer.call(writer.registry.CreateAsset, request)
        self._told(answer.revision, "asset", answer.asset.asset_id, answer.asset)
        made: asset_pb2.Asset = answer.asset
        return made

    # ------------------------------------------------------------ the same entities

    async def _count(self, number: int, asset_id: str) -> None:
        """Read, add one, write if nobody wrote since; else again."""
        writer, _ = self._of(number)
        while self._goes_on:
            asked = pb.GetAssetRequest(asset_id=asset_id)
            got, revision = await writer.read(writer.registry.GetAsset, asked)
            more = str(int(got.asset.description) + 1)
            update = pb.UpdateAssetRequest(
                asset_id=asset_id, description=more, if_revision=revision
            )
            try:
                answer = await writer.call(writer.registry.UpdateAsset, update)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.ABORTED:
                    raise
                self.aborts += 1
                continue
            self.increments[asset_id] += 1
            self._told(answer.revision, "asset", asset_id, answer.asset)

    # ------------------------------------------------------------ entities of one's own

    async def _live(self, number: int) -> None:
        """Make an asset, its group and its venue asset, change it, and mostly remove them all."""
        writer, other = self._of(number)
        for turn in itertools.count():
            if not self._goes_on:
                return
            name = f"OWN{number}-{turn}"
            asset = await self._create(writer, name)
            group_id, held = an_id(name), f"{VENUE}/{asset.asset_id}"
            group = AssetGroup(group_id=group_id, name=name)
            group.members.add(asset_id=asset.asset_id, weight_exact="0.1")
            at_venue = VenueAsset(venue_id=VENUE, asset_id=asset.asset_id, venue_asset_symbol=name)
            made = [admin_pb.ApplyItem(asset_group=group), admin_pb.ApplyItem(venue_asset=at_venue)]
            await self._apply(other, made)
            update = pb.UpdateAssetRequest(asset_id=asset.asset_id, name=f"{name} renamed")
            answer = await writer.call(writer.registry.UpdateAsset, update)
            self._told(answer.revision, "asset", asset.asset_id, answer.asset)
            if turn % 3 == 0:
                continue
            gone = [("asset_group", group_id), ("venue_asset", held)]
            refs = [admin_pb.EntityRef(kind=kind, key=key) for kind, key in gone]
            await self._apply(writer, [admin_pb.ApplyItem(tombstone=ref) for ref in refs])
            delete = pb.DeleteAssetRequest(asset_id=asset.asset_id)
            done = await other.call(other.registry.DeleteAsset, delete)
            removed = Acknowledged(done.revision, "asset", asset.asset_id, removed=True, after=None)
            self.acknowledged.append(removed)

    async def _apply(self, writer: Writer, items: list[admin_pb.ApplyItem]) -> None:
        answer = await writer.call(writer.admin.Apply, admin_pb.ApplyRequest(items=items))
        assert answer.committed, answer
        for item, outcome in zip(items, answer.outcomes, strict=True):
            kind, key = outcome.entity.kind, outcome.entity.key
            removed = item.WhichOneof("change") == "tombstone"
            found = Acknowledged(answer.revision, kind, key, removed=removed, after=None)
            self.acknowledged.append(found)

    # ------------------------------------------------------------ said twice

    async def _repeat(self, number: int) -> None:
        """Send a creation through both writers, at once or one after the other, and later again."""
        writer, other = self._of(number)
        for turn in itertools.count():
            if not self._goes_on:
                return
            once = f"{number}/{turn}"
            symbol = f"ONCE{number}-{turn}"
            request = pb.CreateAssetRequest(symbol=symbol, name=symbol, asset_type=NATIVE)

            async def send(to: Writer, request: Any = request, once: str = once) -> Any:
                return await to.call(to.registry.CreateAsset, request, once)

            if turn % 2:
                first, again = await asyncio.gather(send(writer), send(other))
            else:
                first, again = await send(writer), await send(other)
            assert again == first
            asset_id = first.asset.asset_id
            self._told(first.revision, "asset", asset_id, first.asset)
            update = pb.UpdateAssetRequest(asset_id=asset_id, name=f"{symbol} renamed")
            answer = await other.call(other.registry.UpdateAsset, update)
            self._told(answer.revision, "asset", asset_id, answer.asset)
            # What became of it since is no matter of the first answer.
            assert await send(other) == first
            self.repeated += 2
