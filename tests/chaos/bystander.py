"""A caller of its own key and connections, who asks steadily, and what it saw meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub

from cqar_shared.rpc.grpc_server import OPTIONS

PAUSE_S: Final = 0.02
TIMEOUT_S: Final = 30.0
SPELLING: Final = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
OWN: Final[list[tuple[str, Any]]] = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
#: What an answer may be: a market that was not yet listed is an answer, too.
ANSWERS: Final = frozenset({"OK", "NOT_FOUND"})


class Bystander:
    """Attributes:
    took_s: What was asked -> how long each answer took.
    refused: What was asked, and with which status it was not answered.
    states: Of the resolver, as each answer told it.
    """

    def __init__(self) -> None:
        self.took_s: defaultdict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()
        self.states: Counter[str] = Counter()

    @asynccontextmanager
    async def asking(self, writer: str, resolver: str, key: str) -> AsyncIterator[None]:
        """Ask until the block ends."""
        metadata = (("x-api-key", key),)
        async with (
            grpc.aio.insecure_channel(writer, options=OWN) as to_writer,
            grpc.aio.insecure_channel(resolver, options=OWN) as to_resolver,
        ):
            own: Any = ResolverStub(to_resolver)
            registry: Any = AssetRegistryStub(to_writer)

            def resolve() -> Any:
                return own.Resolve(pb.ResolveRequest(**SPELLING), timeout=TIMEOUT_S)

            def then() -> Any:
                request = pb.ResolveRequest(**SPELLING)
                request.as_of.GetCurrentTime()
                return own.Resolve(request, timeout=TIMEOUT_S)

            def get() -> Any:
                request = rpb.GetVenueRequest(venue_id="binance")
                return registry.GetVenue(request, metadata=metadata, timeout=TIMEOUT_S)

            asked: dict[str, Callable[[], Any]] = {"Resolve": resolve, "as of": then, "Get": get}
            for call in asked.values():
                await call().code()  # connected, and each path taken once
            active = True

            async def ask(name: str, call: Callable[[], Any]) -> None:
                while active:
                    await self._ask(name, call())
                    await asyncio.sleep(PAUSE_S)

            async with asyncio.TaskGroup() as group:
                for name, call in asked.items():
                    group.create_task(ask(name, call))
                group.create_task(self._look(own, lambda: active))
                try:
                    yield
                finally:
                    active = False

    async def _ask(self, name: str, call: Any) -> None:
        began_s = time.perf_counter()
        code = (await call.code()).name
        self.took_s[name].append(time.perf_counter() - began_s)
        if code not in ANSWERS:
            self.refused[f"{name} {code}"] += 1

    async def _look(self, own: Any, active: Callable[[], bool]) -> None:
        while active():
            status: Awaitable[pb.GetStatusResponse] = own.GetStatus(
                pb.GetStatusRequest(), timeout=TIMEOUT_S
            )
            state = (await status).freshness.state
            self.states[pb.SnapshotState.Name(state).removeprefix("SNAPSHOT_STATE_")] += 1
            await asyncio.sleep(PAUSE_S * 5)

    def within_ms(self, name: str, part: float) -> float:
        """The time within which that part of the answers came."""
        took = sorted(self.took_s[name])
        return took[min(int(len(took) * part), len(took) - 1)] * 1000
