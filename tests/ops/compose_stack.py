"""compose.yaml's own services in their images, on ports of this machine."""

from __future__ import annotations

import json
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqar.embedded.process import run_to_end
from tests.deploy.manifests import Object
from tests.ops.containers import Machine
from tests.ops.image_builder import Image
from tests.ops.process_lifetime import START_S, ready

SERVICES = ("writer-1", "writer-2", "resolver-1")


@dataclass(frozen=True)
class Stack:
    """Attributes: ports has `NAME` and `NAME http` for each of SERVICES."""

    whole: Object
    machine: Machine
    images: dict[str, Image]
    ports: dict[str, int]
    logs: Path
    key: str

    def http(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[f'{name} http']}"

    def up(self, name: str) -> AbstractAsyncContextManager[Process]:
        """A service of compose.yaml that is ready; only where it listens is another place."""
        service = name.partition("-")[0]
        prefix = f"CQAR_{service.upper()}"
        listens = {
            f"{prefix}_GRPC_LISTEN": f"0.0.0.0:{self.ports[name]}",
            f"{prefix}_HTTP_LISTEN": self.http(name),
        }
        command = self.machine.command(
            self.images[service], self.whole["services"][name], **listens
        )
        return ready(command, self.http(name), self.log(name))

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def said(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(name).read_text().splitlines()]

    async def tools(self, *arguments: str) -> str:
        """`docker compose run --rm tools …`."""
        command = self.machine.command(
            self.images["tools"],
            self.whole["services"]["tools"],
            *arguments,
            *("--writer", f"127.0.0.1:{self.ports['writer-1']}"),
            *("--resolver", f"127.0.0.1:{self.ports['resolver-1']}"),
            CQAR_KEY=self.key,
        )
        return await run_to_end(command, timeout_seconds=START_S)
