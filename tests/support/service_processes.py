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
from tests.support.commits import eventually
from tests.support.integrity_keys import key_file

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
#: What each service listens with, and the port that it would have alone.
PORTS = {"grpc": 9090, "http": 8080}


@dataclass
class Running:
    """A service that was started; the addresses are host:port, and stay when it starts again."""

    name: str
    settings: dict[str, str]
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

    async def kill(self) -> None:
        """SIGKILL it, and nothing on its ports until `start_again`."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def pause(self) -> None:
        """SIGSTOP: its connections stay, and nobody answers on them until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def start_again(self) -> None:
        """Start it on the same ports, with a new log; returns at once, see `until_ready`."""
        self.log.replace(self.log.with_name(f"{self.log.name}.{self.process.pid}"))
        self.process = await start(self.name, self.log, **self.settings)

    async def until_ready(self) -> None:
        await eventually(probes.http(self.http, "/health/ready"), START_S)


def pick_listens(*names: str) -> dict[str, dict[str, str]]:
    """For each name where its service may listen, all picked at once: so none is picked twice."""
    wanted = {f"{name} {kind}": port for name in names for kind, port in PORTS.items()}
    ports = pick_ports(wanted)
    return {
        name: {f"{kind}_listen": f"127.0.0.1:{ports[f'{name} {kind}']}" for kind in PORTS}
        for name in names
    }


async def begin(name: str, log: Path, **settings: str) -> Running:
    """Start `python -m NAME serve` with these settings (`database_url=…`, `grpc_listen=…`)."""
    process = await start(name, log, **settings)
    grpc, http = (settings[f"{kind}_listen"] for kind in PORTS)
    return Running(name, settings, grpc, http, process, log)


@asynccontextmanager
async def service(name: str, folder: Path, **settings: str) -> AsyncIterator[Running]:
    """A service that is ready, until the block is left."""
    listens = pick_listens(name)[name]
    running = await begin(name, folder / f"{name}.log", **{**listens, **settings})
    try:
        await running.until_ready()
        yield running
    finally:
        await running.kill()


async def start(name: str, log: Path, *arguments: str, **settings: str) -> Process:
    prefix = f"CQAR_{name.upper()}_"
    keyed = {"integrity_key_file": key_file()} | settings
    environ = {f"{prefix}{key.upper()}": value for key, value in keyed.items()}
    argv = (sys.executable, "-m", f"cqar_{name}", *(arguments or ("serve",)))
    # It dies with the tests: one that outlived them would answer the next ones' probes.
    command = Command(name=name, argv=argv, env={**os.environ, "CQAR_CONFIG": "", **environ})
    with log.open("wb") as file:
        return await spawn(command, stdout=file, stderr=file)


async def migrate(dsn: str, *arguments: str, **environ: str) -> str:
    """Run the migrations as an operator does; returns what they said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar_writer.migrations", *arguments),
        cwd=ROOT,
        env={**os.environ, "CQAR_DATABASE_URL": dsn, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
