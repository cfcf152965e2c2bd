"""`cqar-reconciler serve` as it is deployed: a process with folder, key and port of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

from cqar.embedded import probes
from cqar.embedded.ports import pick_ports
from cqar.embedded.process import Command, spawn
from tests.support.commits import eventually

START_S = 60.0


class ReconcilerProcess:
    """One process, which may be killed and begun again on the same folder.

    Args:
        folder: For its state and its logs.
        settings: As config.yaml would state them, beside those that are the process's own.
    """

    def __init__(self, name: str, folder: Path, settings: dict[str, object]) -> None:
        self.name = name
        self.http = f"127.0.0.1:{pick_ports({name: 8082})[name]}"
        self._folder = folder
        self._process: Process | None = None
        self.starts = 0
        state = {"state_folder": str(folder / f"{name}-state"), "http_listen": self.http}
        given = {"log_format": "json", "drain_s": 5, **settings, **state}
        self._environ = {
            f"CQAR_RECONCILER_{key.upper()}": value if isinstance(value, str) else json.dumps(value)
            for key, value in given.items()
        }

    @property
    def logs(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self.name}-*.log"))

    async def start(self) -> None:
        self.starts += 1
        argv = (sys.executable, "-m", "cqar.reconciler", "serve")
        env = {**os.environ, "CQAR_CONFIG": "", **self._environ}
        with (self._folder / f"{self.name}-{self.starts}.log").open("wb") as log:
            self._process = await spawn(
                Command(name=self.name, argv=argv, env=env), stdout=log, stderr=log
            )

    async def until_ready(self) -> None:
        await eventually(probes.http(self.http, "/health/ready"), START_S)

    async def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM it: its exit code."""
        assert self._process is not None
        self._process.terminate()
        async with asyncio.timeout(START_S):
            return await self._process.wait()

    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None
