"""Clients of a cluster that fails over: they write down what they were told, for `history.compare`.

A change that got no answer is sent again, to the other writer, until it is acknowledged: mostly
under its idempotency key, and where that makes no difference at times without. Deadlines are of
all lengths, so that callers give up within a COMMIT, too.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import grpc
from cqc.assets.v1 import asset_pb2, quality_flag_pb2
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub

from cqar_resolver.replication.freshness import boot_clock_s
from tests.chaos.cluster import Cluster
from tests.chaos.history_checker import (
    FLAG,
    AcknowledgedChange,
    ChainReport,
    ClientRecord,
    EntityAnswer,
    FlagPeriod,
    LiveReport,
    VerdictAnswer,
)
from tests.support.call_errors import refusal_of
from tests.support.entity_builders import BTC, a_venue_symbol
from tests.support.load_clients import NATIVE, spoken_of
from tests.support.service_processes import Running

OWNERS: Final = 4
#: Assets that each of them changes in turn.
OWNED: Final = 2
COUNTERS: Final = 2
PAUSE_S: Final = 0.05
#: How many of the renames that are sent again are sent under their key.
KEYED: Final = 0.5
RETRY_S: Final = 0.1
ASK_EVERY_S: Final = 0.03
DEADLINES_S: Final = (0.15, 0.5, 1.0, 3.0)
READ_DEADLINE_S: Final = 4.0
#: How long a flag stands, and how long none does.
FLAGGED_S: Final = (0.2, 1.0)
#: Ends a failure: no outage here is as long.
GIVE_UP_S: Final = 120.0

_CODE = grpc.StatusCode
#: Of a service that is away, hung, ending, or not sure; whoever asked may ask again.
EXCUSED: Final = frozenset({_CODE.UNAVAILABLE, _CODE.DEADLINE_EXCEEDED, _CODE.CANCELLED})
NEVER_S: Final = float("inf")


class NeverAcknowledged(AssertionError):
    """A change got no answer for as long as a client has patience."""


class _At(NamedTuple):
    """A writer, as clients see it."""

    name: str
    registry: Any


class Clients:
    """All of them, and what they were told."""

    def __init__(self, cluster: Cluster, name: str, seed: int) -> None:
        self._cluster = cluster
        self._name = name
        self._chance = random.Random(seed)
        self._numbers = itertools.count()
        self._active = True
        self._assets: list[str] = []
        self._key = ("x-api-key", cluster.key)
        self._writers = [
            _At(_name_of(one), AssetRegistryStub(cluster.channels[one.grpc]))
            for one in cluster.writers
        ]
        self.observed = ClientRecord()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run beside the block; at its end every client finishes what it began."""
        owned = [[await self._create() for _ in range(OWNED)] for _ in range(OWNERS)]
        counter = await self._create()
        async with asyncio.TaskGroup() as group:
            for assets in owned:
                group.create_task(self._own(assets))
            for _ in range(COUNTERS):
                group.create_task(self._count(counter))
            group.create_task(self._flag())
            for resolver in self._cluster.resolvers:
                group.create_task(self._ask(_name_of(resolver), resolver))
            for writer in self._writers:
                group.create_task(self._look(writer))
            try:
                yield
            finally:
                self._active = False

    # ------------------------------------------------------------ changes

    async def _create(self) -> str:
        symbol = f"{self._name}-{next(self._numbers)}"
        request = pb.CreateAssetRequest(
            symbol=symbol, name=symbol, asset_type=NATIVE, description="0"
        )
        answer = await self._change("CreateAsset", request)
        made: asset_pb2.Asset = answer.asset
        self._assets.append(made.asset_id)
        return made.asset_id

    async def _own(self, assets: list[str]) -> None:
        """Rename assets that nobody else changes, each time to what it never was."""
        for asset_id in itertools.cycle(assets):
            if not self._active:
                return
            name = f"{self._name} renamed {next(self._numbers)}"
            await self._change("UpdateAsset", pb.UpdateAssetRequest(asset_id=asset_id, name=name))
            await asyncio.sleep(self._chance.uniform(0, 2 * PAUSE_S))

    async def _count(self, asset_id: str) -> None:
        """Read, add one, write if nobody wrote since; else again."""
        while self._active:
            await asyncio.sleep(self._chance.uniform(0, 2 * PAUSE_S))
            writer = self._chance.choice(self._writers)
            got = await self._get(writer, asset_id)
            if got is None:
                continue
            counter: Any = got.value
            more = str(int(counter.description) + 1)
            update = pb.UpdateAssetRequest(
                asset_id=asset_id, description=more, if_revision=got.revision
            )
            await self._change("UpdateAsset", update)

    async def _flag(self) -> None:
        """Raise a CRITICAL flag, and end it."""
        while self._active:
            await asyncio.sleep(self._chance.uniform(*FLAGGED_S))
            raised = await self._change(
                "RaiseQualityFlag",
                pb.RaiseQualityFlagRequest(
                    asset_id=BTC,
                    flag_type=quality_flag_pb2.FLAG_TYPE_EXPLOITED,
                    severity=quality_flag_pb2.FLAG_SEVERITY_CRITICAL,
                    description="drained",
                    source=f"{self._name} {next(self._numbers)}",
                ),
            )
            standing = FlagPeriod(raised.flag.flag_id, boot_clock_s(), NEVER_S)
            place = len(self.observed.flags)
            self.observed.flags.append(standing)
            await asyncio.sleep(self._chance.uniform(*FLAGGED_S))
            self.observed.flags[place] = standing._replace(lifted_s=boot_clock_s())
            lift = pb.ResolveQualityFlagRequest(
                flag_id=standing.flag_id, resolution_notes="refunded"
            )
            await self._change("ResolveQualityFlag", lift)

    async def _change(self, rpc: str, request: Any) -> Any:
        """Send it until it is acknowledged; None where somebody else was first.

        Raises:
            NeverAcknowledged: It was not.
        """
        first_s = boot_clock_s()
        once = f"{self._name}/{next(self._numbers)}"
        place = self._chance.randrange(len(self._writers))
        for attempt in itertools.count(place):
            writer = self._writers[attempt % len(self._writers)]
            sent_s = boot_clock_s()
            metadata = [self._key]
            # A rename is the same however often it is made.
            if attempt == place or not _is_rename(request) or self._chance.random() < KEYED:
                metadata.append(("idempotency-key", once))
            deadline_s = self._chance.choice(DEADLINES_S)
            call = getattr(writer.registry, rpc)(request, metadata=metadata, timeout=deadline_s)
            try:
                answer = await call
                epoch, _ = spoken_of(await call.trailing_metadata())
            except grpc.aio.AioRpcError as error:
                if error.code() is _CODE.ABORTED and _is_conditional(request):
                    return None
                if error.code() is _CODE.NOT_FOUND and rpc == "ResolveQualityFlag":
                    return None  # the flag is lost, which the checker counts
                self._refused(writer.name, error)
                self.observed.given_up += 1
                if boot_clock_s() > first_s + GIVE_UP_S:
                    raise NeverAcknowledged(f"{rpc} for {GIVE_UP_S:g} s: {error}") from error
                await asyncio.sleep(RETRY_S)
                continue
            self._acknowledged(writer.name, (first_s, sent_s), epoch, answer)
            return answer
        raise AssertionError

    def _acknowledged(self, via: str, sent_s: tuple[float, float], epoch: int, answer: Any) -> None:
        if hasattr(answer, "flag"):
            ref, value = (FLAG, answer.flag.flag_id), answer.flag
        else:
            ref, value = ("asset", answer.asset.asset_id), answer.asset
        one = AcknowledgedChange(via, *sent_s, boot_clock_s(), epoch, answer.revision, ref, value)
        self.observed.changes.append(one)

    # ------------------------------------------------------------ reads

    async def _look(self, writer: _At) -> None:
        """Read at a writer."""
        while self._active:
            await asyncio.sleep(ASK_EVERY_S)
            if self._assets:
                await self._get(writer, self._chance.choice(self._assets))

    async def _get(self, writer: _At, asset_id: str) -> EntityAnswer | None:
        asked_s = boot_clock_s()
        call = writer.registry.GetAsset(
            pb.GetAssetRequest(asset_id=asset_id), metadata=(self._key,), timeout=READ_DEADLINE_S
        )
        try:
            asset = (await call).asset
            epoch, revision = spoken_of(await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            self._refused(writer.name, error)
            return None
        state = resolver_pb2.SNAPSHOT_STATE_UNSPECIFIED
        seen = EntityAnswer(
            *(writer.name, asked_s, boot_clock_s(), epoch, revision, state, None),
            *(("asset", asset_id), asset),
        )
        self.observed.reads.append(seen)
        return seen

    async def _ask(self, name: str, resolver: Running) -> None:
        """Ask a resolver one thing after the other."""
        stub: Any = ResolverStub(self._cluster.channels[resolver.grpc])
        listing = a_venue_symbol()
        resolve = resolver_pb2.ResolveRequest(
            venue_id=listing.venue_id, venue_symbol=listing.venue_symbol
        )
        while self._active:
            asset_id = self._chance.choice(self._assets)
            by_id = resolver_pb2.ResolveAssetRequest(asset_id=asset_id)
            status = resolver_pb2.GetStatusRequest()
            for rpc, request in (
                ("Resolve", resolve),
                ("ResolveAsset", by_id),
                ("GetStatus", status),
            ):
                asked_s = boot_clock_s()
                try:
                    answer = await getattr(stub, rpc)(request, timeout=READ_DEADLINE_S)
                except grpc.aio.AioRpcError as error:
                    if error.code() is _CODE.NOT_FOUND and rpc == "ResolveAsset":
                        self._missing(name, asked_s, error, asset_id)
                    else:
                        self._refused(name, error)
                else:
                    self._note(name, asked_s, answer, asset_id)
                await asyncio.sleep(ASK_EVERY_S)

    def _missing(
        self, who: str, asked_s: float, error: grpc.aio.AioRpcError, asset_id: str
    ) -> None:
        """It is not there, at a revision before it was made."""
        epoch, revision = spoken_of(error.trailing_metadata())
        state = resolver_pb2.SNAPSHOT_STATE_UNSPECIFIED
        about = (who, asked_s, boot_clock_s(), epoch, revision, state, None)
        self.observed.reads.append(EntityAnswer(*about, ("asset", asset_id), None))

    def _note(self, who: str, asked_s: float, answer: Any, asset_id: str) -> None:
        resolution = getattr(answer, "resolution", None)
        fresh = answer.freshness if resolution is None else resolution.freshness
        bound = fresh.staleness_ms if fresh.HasField("staleness_ms") else None
        about = (who, asked_s, boot_clock_s(), fresh.epoch, fresh.revision, fresh.state, bound)
        if resolution is not None:
            self.observed.verdicts.append(VerdictAnswer(*about, resolution.tradeable.open.allowed))
        elif isinstance(answer, resolver_pb2.GetStatusResponse):
            head = answer.head
            self.observed.chains.append(ChainReport(who, head.epoch, head.revision, head.chain))
            if fresh.state == resolver_pb2.SNAPSHOT_STATE_LIVE:
                self.observed.live_reports.append(LiveReport(who, boot_clock_s(), head.revision))
        else:
            self.observed.reads.append(EntityAnswer(*about, ("asset", asset_id), answer.asset))

    def _refused(self, who: str, error: grpc.aio.AioRpcError) -> None:
        code = error.code()
        self.observed.refused[f"{who} {code.name} {refusal_of(error).reason}".strip()] += 1
        if code not in EXCUSED:
            self.observed.wrong_errors.append(f"{who}: {code.name} {error.details()}")


def _is_rename(request: Any) -> bool:
    return isinstance(request, pb.UpdateAssetRequest) and request.HasField("name")


def _is_conditional(request: Any) -> bool:
    return isinstance(request, pb.UpdateAssetRequest) and request.HasField("if_revision")


def _name_of(service: Running) -> str:
    """As the cluster calls it: `resolver-1`."""
    return service.log.stem
