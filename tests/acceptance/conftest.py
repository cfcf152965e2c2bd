"""The whole stack, as `cqar up` starts it, and what is typed at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from cqc.writer.v1 import registry_admin_pb2
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub

from cqar.embedded.account import state_mode
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.private_files import make_private_folder
from cqar.embedded.stack import StackOptions, remove_state, run_stack
from cqar.sdk.session_position import Position
from tests.support.cli_runner import Ran, run_here, run_process
from tests.support.memory_folder import server_folder

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


class Stack(NamedTuple):
    state_dir: Path
    endpoints: Endpoints

    async def cqar(self, *arguments: str | Path) -> Ran:
        """Run the command line against this stack, in this process."""
        return await run_here(*arguments, state=self.state_dir)

    async def process(self, *arguments: str | Path) -> Ran:
        """The same as a process of its own, as a shell starts it."""
        return await run_process(*arguments, state=self.state_dir)

    async def head(self) -> Position:
        """Where the writer is."""
        metadata = (("x-api-key", self.endpoints.keys.read),)
        async with grpc.aio.insecure_channel(self.endpoints.writer) as channel:
            answer = await RegistryAdminStub(channel).GetHead(
                registry_admin_pb2.GetHeadRequest(), metadata=metadata
            )
        return Position(answer.head.epoch, answer.head.revision)

    async def revision(self) -> int:
        return (await self.head()).revision

    async def ok(self, *arguments: str | Path) -> Ran:
        ran = await self.cqar(*arguments)
        assert ran.code == 0, ran.err
        return ran


@asynccontextmanager
async def running_stack(options: StackOptions) -> AsyncIterator[Stack]:
    """Start a stack, and stop it in the end."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def tell(endpoints: Endpoints) -> None:
        ready.set_result(endpoints)

    running = asyncio.create_task(run_stack(options, tell, stop))
    await asyncio.wait([running, ready], return_when="FIRST_COMPLETED", timeout=UP_TIMEOUT_S)
    if running.done():
        await running
    yield Stack(options.state_dir, await ready)
    stop.set()
    await running


@pytest.fixture(scope="session")
async def empty_state() -> AsyncIterator[Path]:
    """A stopped stack's state folder: a migrated database with the stack's keys, and no more.

    A stack that starts from a copy need not make and migrate a database, nor make keys: half of the
    CPU time that a start takes.
    """
    with server_folder() as folder:
        async with running_stack(StackOptions(folder / "state", resolvers=0)):
            pass
        yield folder / "state"
        remove_state(folder / "state")


@asynccontextmanager
async def copied_state(empty_state: Path) -> AsyncIterator[Path]:
    """A state folder with a migrated, empty database, removed in the end."""
    with server_folder() as folder:
        state = make_private_folder(folder / "state", state_mode())
        # Where PostgreSQL's account cannot reach the folder its data is a link, which has no copy.
        if not (empty_state / "postgres" / "data").is_symlink():
            copied = (empty_state / name for name in ("postgres", "keys.json", "integrity.key"))
            process = await asyncio.create_subprocess_exec("cp", "-a", *copied, state)
            assert await process.wait() == 0
        yield state
        remove_state(state)


@pytest.fixture(scope="module")
async def stack(empty_state: Path) -> AsyncIterator[Stack]:
    """A stack with an empty registry, for the tests of one module."""
    async with copied_state(empty_state) as state, running_stack(StackOptions(state)) as running:
        yield running
