"""A CRITICAL flag is in every resolver's verdict, and in Watch, moments after it was raised.

How long that takes is measured and logged, not asserted: CQAR_FLAGS=200 raises so many.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import time
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from nats.aio.client import Client

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_writer.config import WriterConfig
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_flag, an_id
from tests.support.follower_setup import stands_at, writing
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import serving

FLAGS = int(os.environ.get("CQAR_FLAGS", "20"))
WAIT_S = 30
QUESTION = pb.ResolveRequest(venue_id="binance", venue_symbol="BTCUSDT")

log = logging.getLogger(__name__)


async def test_a_flag_reaches_every_resolvers_verdict_and_who_watches(
    servers: EmbeddedServers, database: str, client: Client
) -> None:
    assert client.is_connected
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    config = ResolverConfig(database_url=database, nats_url=servers.nats)
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(writing(settings))
        pairs = [await stack.enter_async_context(serving(config, follows=True)) for _ in range(2)]
        stubs: list[Any] = [ResolverStub(channel) for _, channel in pairs]
        before = await commit(writer.mutations, *one_of_each())
        for resolver, _ in pairs:
            await eventually(lambda view=resolver.view: stands_at(view, 1, before), WAIT_S)
        watch = stubs[0].Watch(
            pb.WatchRequest(kinds=["quality_flag"], from_revision=before + 1, epoch=1)
        )
        delays_s: list[float] = []
        for number in range(FLAGS):
            flag = a_flag(flag_id=an_id(f"flag {number}"), reason=f"number {number}")
            revision = await commit(writer.mutations, flag)
            began_s = time.perf_counter()
            await asyncio.gather(*(until_denied(stub, flag.flag_id) for stub in stubs))
            delays_s.append(time.perf_counter() - began_s)
            assert await next_change(watch) == (revision, flag.flag_id)
            over = msgspec.structs.replace(flag, resolved_by="desk", resolution_notes="refunded")
            revision = await commit(writer.mutations, over)
            assert await next_change(watch) == (revision, flag.flag_id)
        watch.cancel()
    delays_s.sort()
    log.info(
        "%d flags in two resolvers' verdicts: p50 %.1f ms, longest %.1f ms after the commit",
        *(FLAGS, statistics.median(delays_s) * 1000, delays_s[-1] * 1000),
    )


async def until_denied(stub: Any, flag_id: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            verdict = (await stub.Resolve(QUESTION)).resolution.tradeable
            if ("FLAG_CRITICAL_BASE", flag_id) in {(r.code, r.key) for r in verdict.open.reasons}:
                assert not verdict.allowed
                return


async def next_change(watch: Any) -> tuple[int, str]:
    async with asyncio.timeout(WAIT_S):
        while True:
            response = await watch.read()
            if response.HasField("change_set"):
                return response.change_set.revision, response.change_set.changes[0].key
