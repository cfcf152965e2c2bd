"""The whole stack, as `cqar up` starts it, once for the session; and `cqar` as people type it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from cqc.writer.v1 import registry_admin_pb2
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub

from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, remove_state, run_stack

SHARED = Path(__file__).resolve().parents[3] / "shared"
VENUES = SHARED / "data" / "venues"
UP_TIMEOUT_S = 120


def saved(*parts: str) -> Path:
    """A venue's saved answer; third parties' data, read where it lies.

    Where the data folder is absent, the test that asks is skipped and says so.
    """
    path = VENUES.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is absent: third parties' listings, not part of this project")
    return path


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Stack(NamedTuple):
    state_dir: Path
    endpoints: Endpoints

    async def cqar(self, *arguments: str | Path, state: Path | None = None) -> Ran:
        """Run the command line against this stack."""
        return await run_cqar(*arguments, state=state or self.state_dir)

    async def revision(self) -> int:
        """The writer's head, asked without the command line, which takes a second to start."""
        metadata = (("x-api-key", self.endpoints.keys.read),)
        async with grpc.aio.insecure_channel(self.endpoints.writer) as channel:
            answer = await RegistryAdminStub(channel).GetHead(
                registry_admin_pb2.GetHeadRequest(), metadata=metadata
            )
        return int(answer.head.revision)

    async def ok(self, *arguments: str | Path) -> Ran:
        ran = await self.cqar(*arguments)
        assert ran.code == 0, ran.err
        return ran


async def run_cqar(*arguments: str | Path, state: Path) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", *map(str, arguments)),
        env={**os.environ, "CQAR_STATE": str(state), "COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def _running(state_dir: Path) -> AsyncIterator[Stack]:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def tell(endpoints: Endpoints) -> None:
        ready.set_result(endpoints)

    running = asyncio.create_task(run_stack(StackOptions(state_dir), tell, stop))
    await asyncio.wait([running, ready], return_when="FIRST_COMPLETED", timeout=UP_TIMEOUT_S)
    if running.done():
        await running
    yield Stack(state_dir, await ready)
    stop.set()
    await running
    remove_state(state_dir)


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    """A stack with an empty registry, for the tests of one module."""
    folder = Path(tempfile.mkdtemp(prefix="cqar-acceptance-"))
    async for running in _running(folder / "state"):
        yield running
    shutil.rmtree(folder, ignore_errors=True)
