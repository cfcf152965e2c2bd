"""Our own services as processes, as an operator starts them: configuration in, log out."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from cqar.embedded import probes
from cqar.embedded.ports import pick_ports
from cqar.embedded.process import Command, spawn
from tests.changes import eventually

START_S = 60.0


@dataclass
class Running:
    """A service that is ready; the addresses are host:port."""

    grpc: str
    http: str
    process: Process
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """Its log, one document a line."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.http}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            return await self.process.wait()


@asynccontextmanager
async def service(name: str, folder: Path, **settings: str) -> AsyncIterator[Running]:
    """Run `python -m NAME serve` with these settings (`database_url=…`) until it is left."""
    ports = pick_ports({"grpc": 9090, "http": 8080})
    at = {f"{kind}_listen": f"127.0.0.1:{port}" for kind, port in ports.items()}
    process = await start(name, folder / f"{name}.log", **{**at, **settings})
    running = Running(
        f"127.0.0.1:{ports['grpc']}", at["http_listen"], process, folder / f"{name}.log"
    )
    ready = probes.http(running.http, "/health/ready")
    try:
        await eventually(ready, START_S)
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def start(name: str, log: Path, *arguments: str, **settings: str) -> Process:
    prefix = f"CQAR_{name.upper()}_"
    environ = {f"{prefix}{key.upper()}": value for key, value in settings.items()}
    argv = (sys.executable, "-m", name, *(arguments or ("serve",)))
    # It dies with the tests: one that outlived them would answer the next ones' probes.
    command = Command(name=name, argv=argv, env={**os.environ, "CQAR_CONFIG": "", **environ})
    with log.open("wb") as file:
        return await spawn(command, stdout=file, stderr=file)
