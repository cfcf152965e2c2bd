"""A large import while readers loop: each answer is of one revision, whole change sets only.

CQAR_IMPORT_ENTITIES says how many entities are imported (2,000; `make soak`: 50,000). The longest
wait of a reader is logged: a measurement.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.embedded.process import Command, spawn
from tests.chaos.cluster import Cluster
from tests.chaos.convergence import require_equal
from tests.chaos.market_requests import assets_of, listings_at, whole_market
from tests.chaos.soak_settings import IMPORT_ENTITIES
from tests.support.load_clients import Writer
from tests.support.service_processes import ROOT

LISTINGS = min(1_000, IMPORT_ENTITIES // 10)
BATCH = min(5_000, IMPORT_ENTITIES // 2)
APPLY_TIMEOUT_S = 120.0
#: Of real-time scheduling, for those who may set it: before all that has none.
FIRST = 10

log = logging.getLogger(__name__)


class ReaderProcess:
    """A process of readers; see `tests.chaos.reader_process`."""

    def __init__(self, address: str, how: str) -> None:
        argv = (sys.executable, "-m", "tests.chaos.reader_process", address, str(LISTINGS), how)
        self._command = Command(
            name="looking", argv=argv, env={"PYTHONPATH": f"{ROOT}:{ROOT}/proto"}
        )

    async def __aenter__(self) -> Self:
        self._process = await spawn(self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        assert self._process.stdout is not None
        await self._process.stdout.readline()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def report(self) -> Any:
        out, error = await self._process.communicate(b"")
        assert self._process.returncode == 0, error.decode()
        return json.loads(out)


def prefer(pid: int) -> None:
    """Run every thread of it before the import, which keeps both of two cores busy.

    So what is measured is how long a resolver makes a reader wait, not how long both wait for a
    core: in production none of them shares its cores with the writer.
    """
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(PermissionError):
            os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(FIRST))


async def _apply(writer: Writer, request: pb.ApplyRequest) -> None:
    answer = await writer.call(writer.admin.Apply, request)
    assert answer.committed, [o for o in answer.outcomes if o.violations][:3]


async def test_no_reader_of_a_large_import_sees_half_a_change_set(cluster: Cluster) -> None:
    channel = cluster.channels[cluster.writers[0].grpc]
    writer = Writer(channel, cluster.key, APPLY_TIMEOUT_S)
    for request in whole_market(LISTINGS, "1"):
        await _apply(writer, request)
    await require_equal(cluster)
    status = await cluster.status(cluster.resolvers[0])
    assert status is not None
    before = status.counts["asset"]
    batches = IMPORT_ENTITIES // BATCH
    many, one = (
        ReaderProcess(resolver.grpc, how)
        for resolver, how in zip(cluster.resolvers, ("all", "one"), strict=True)
    )
    async with many, one:
        for process in (cluster.resolvers[1].process.pid, one.pid):
            prefer(process)
        for batch in range(batches):
            await _apply(writer, assets_of(batch, BATCH))
            await _apply(writer, listings_at(str(batch + 2), LISTINGS))
        await require_equal(cluster)
        of_all, of_one = await asyncio.gather(many.report(), one.report())
    assert of_all["ticks"] == 1, "two tick sizes in one answer"
    assert of_all["seen"] > 1
    whole = {before + BATCH * done for done in range(batches + 1)}
    assert set(of_all["counts"]) <= whole
    assert len(of_all["counts"]) > 1
    assert of_one["answers"]
    log.info(
        "%d entities in change sets of %d: %d answers, longest waits %s, beyond 50 ms: %s",
        *(batches * (BATCH + LISTINGS), BATCH, of_one["answers"], of_one["longest_ms"]),
        of_one["beyond_50_ms"],
    )
