"""The replica's reader in Go: how it sees its resolver go, and another one's files in place."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import cqar
from tests.acceptance.conftest import Stack
from tests.clients.go_build import GoFolder
from tests.support.service_processes import service

PROGRAM = Path(__file__).parent / "programs/replica.go"
LIVE = "BTC/USDT 0.01 SNAPSHOT_STATE_LIVE"
STALE = "BTC/USDT 0.01 SNAPSHOT_STATE_STALE"
WAIT_S = 60.0


async def answer(reading: Process) -> str:
    assert reading.stdin is not None
    assert reading.stdout is not None
    reading.stdin.write(b"\n")
    line = (await reading.stdout.readline()).decode()
    assert line, "it ended"
    return line.strip()


async def until(reading: Process, expected: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while await answer(reading) != expected:
            await asyncio.sleep(0.05)


async def test_it_is_stale_without_its_resolver_and_opens_what_takes_its_files_place(
    stack: Stack, go: GoFolder, tmp_path: Path
) -> None:
    go.add("replica", PROGRAM.read_text())
    program, folder = await go.build("replica"), tmp_path / "replica"
    urls = {"database_url": stack.endpoints.postgres, "nats_url": stack.endpoints.nats}
    async with service("resolver", tmp_path, **urls, replica_path=str(folder)) as resolver:
        with cqar.LocalReplica(folder, timeout_s=WAIT_S) as published:
            published.resolve("binance", "BTCUSDT")
        reading = await asyncio.create_subprocess_exec(program, folder, stdin=PIPE, stdout=PIPE)
        await until(reading, LIVE)
        await resolver.kill()
        await until(reading, STALE)
        for file in folder.glob("*.mdb"):
            file.unlink()
        assert await answer(reading) == STALE  # what it has open stays readable
        await resolver.start_again()
        await resolver.until_ready()
        await until(reading, LIVE)
    assert reading.stdin is not None
    reading.stdin.close()
    assert await reading.wait() == 0
