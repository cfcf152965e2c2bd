"""Readers in a process of their own, so that only the resolver makes them wait.

`python -m tests.chaos.reader_process ADDRESS LISTINGS all|one` prints `begun`, asks until its
standard input ends, and prints one line of JSON:

- `ticks`: the most tick sizes that one answer about all listings contained
- `seen`: how many tick sizes all answers contained
- `counts`: the asset counts that the resolver reported, each once
- `answers`, `longest_ms`, `beyond_50_ms`: how many Resolve and GetAsset calls were answered, the
  longest wait of each, and every wait of more than 50 ms
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub

from tests.chaos.market_requests import VENUE, spelling
from tests.support.entity_builders import an_asset

TIMEOUT_S: Final = 60


class ReaderLoop:
    def __init__(self, channel: grpc.aio.Channel, listings: int) -> None:
        self._resolver: Any = ResolverStub(channel)
        self._registry: Any = AssetRegistryStub(channel)
        self._keys = [
            pb.VenueSymbolKey(venue_id=VENUE, venue_symbol=spelling(n)) for n in range(listings)
        ]
        self._seen: set[str] = set()
        self._counts: set[int] = set()
        self._ticks = 0
        self._answers = 0
        self._beyond_50_ms: list[str] = []
        self._began_s = time.perf_counter()
        self._longest_ms = {"Resolve": 0.0, "GetAsset": 0.0}
        self.active = True

    async def connect(self) -> None:
        """The first call's connection is nothing that an import makes anybody wait for."""
        await self._resolver.GetStatus(pb.GetStatusRequest(), timeout=TIMEOUT_S)

    async def ask_for_all(self) -> None:
        """All listings in one answer; and how many assets there are."""
        request = pb.ResolveBatchRequest(keys=self._keys)
        while self.active:
            answer = await self._resolver.ResolveBatch(request, timeout=TIMEOUT_S)
            ticks = {one.specs.tick_size for one in answer.resolutions}
            self._ticks = max(self._ticks, len(ticks))
            self._seen |= ticks
            status = await self._resolver.GetStatus(pb.GetStatusRequest(), timeout=TIMEOUT_S)
            self._counts.add(status.counts["asset"])

    async def ask_for_one(self) -> None:
        """One at a time, as those who look prices up do."""
        key = self._keys[0]
        one = pb.ResolveRequest(venue_id=key.venue_id, venue_symbol=key.venue_symbol)
        asset = asset_registry_pb2.GetAssetRequest(asset_id=an_asset().asset_id)
        while self.active:
            for name, method, request in (
                ("Resolve", self._resolver.Resolve, one),
                ("GetAsset", self._registry.GetAsset, asset),
            ):
                began_s = time.perf_counter()
                await method(request, timeout=TIMEOUT_S)
                waited_ms = (time.perf_counter() - began_s) * 1000
                self._longest_ms[name] = max(self._longest_ms[name], waited_ms)
                self._answers += 1
                if waited_ms > 50:
                    self._beyond_50_ms.append(
                        f"{name} {waited_ms:.0f} ms after {began_s - self._began_s:.1f} s"
                    )
            await asyncio.sleep(0.001)

    def report(self) -> dict[str, Any]:
        return {
            "ticks": self._ticks,
            "seen": len(self._seen),
            "counts": sorted(self._counts),
            "answers": self._answers,
            "longest_ms": self._longest_ms,
            "beyond_50_ms": self._beyond_50_ms,
        }


async def main(address: str, listings: int, *, of_all: bool) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        readers = ReaderLoop(channel, listings)
        await readers.connect()
        asking = asyncio.create_task(readers.ask_for_all() if of_all else readers.ask_for_one())
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        readers.active = False
        await asking
    sys.stdout.write(json.dumps(readers.report()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), of_all=sys.argv[3] == "all"))
