"""Processes of a test: servers and services that are ready, and gone when it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cqar.embedded import probes
from cqar.embedded.process import Command, spawn
from tests.support.commits import eventually

START_S = 120.0
STOPPED_S = 60.0


@asynccontextmanager
async def kept_running(command: Command, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as file:
        process = await spawn(command, stdout=file, stderr=file)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def ready(
    command: Command, http: str, log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A service of ours that says at `http`, HOST:PORT, that it is ready."""
    async with kept_running(command, log) as process:

        async def is_ready() -> bool:
            assert process.returncode is None, log.read_text()[-4000:]
            return await probes.http(http, "/health/ready")()

        await eventually(is_ready, START_S)
        yield process


async def ended(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(STOPPED_S):
        return await process.wait()
