"""One stack for the clients in every language, set up as clients/behaviour/cases.json says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

import cqar
from cqar.embedded.ports import pick_ports
from cqar.embedded.stack import StackOptions, remove_state
from cqar.sdk.session_position import Position
from tests.acceptance.conftest import Stack, running_stack
from tests.clients.go_build import CLIENTS, GoFolder
from tests.support.commits import eventually
from tests.support.doc_pages import ran
from tests.support.memory_folder import server_folder
from tests.support.service_processes import service
from tests.support.tcp_proxy import link_to

CASES: Final = CLIENTS / "behaviour" / "cases.json"
WAIT_S: Final = 60.0
#: Soon enough for a test; the limit's lower bound is 2 s.
STALE_AFTER: Final = {"stale_after_s": "2", "probe_every_s": "0.5"}


def table() -> dict[str, Any]:
    """What is asked and answered, and the commands that bring the registry there."""
    read: dict[str, Any] = json.loads(CASES.read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """A stack as `cqar up` starts it, set up as the table says."""
    with server_folder() as folder:
        async with running_stack(StackOptions(folder / "state")) as running:
            for command in table()["setup"]:
                await running.ok(*command)
            yield running
        remove_state(folder / "state")


@pytest.fixture(scope="session", autouse=True)
async def head(stack: Stack) -> Position:
    """What the last command of the table's setup made; taken before any test changes more."""
    return await stack.head()


@pytest.fixture(scope="session")
async def servers(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, str]]:
    """Addresses that the table names, and the folder of a published replica.

    `stale` is a resolver that was LIVE, and then lost PostgreSQL and NATS.
    """
    ends, folder = stack.endpoints, tmp_path_factory.mktemp("resolvers")
    async with AsyncExitStack() as exits:
        postgres, through = await exits.enter_async_context(link_to(ends.postgres))
        nats, beside = await exits.enter_async_context(link_to(ends.nats))
        lost = await exits.enter_async_context(
            service("resolver", folder, database_url=through, nats_url=beside, **STALE_AFTER)
        )
        (folder / "publishing").mkdir()
        await exits.enter_async_context(
            service(
                "resolver",
                folder / "publishing",
                database_url=ends.postgres,
                nats_url=ends.nats,
                replica_path=str(folder / "replica"),
            )
        )
        await _until(lost.grpc, "LIVE")
        postgres.go_down()
        nats.go_down()
        await _until(lost.grpc, "STALE")
        yield {
            "resolver": ends.resolvers[0],
            "writer": ends.writer,
            "stale": lost.grpc,
            "nobody": f"127.0.0.1:{pick_ports({'nobody': 9199})['nobody']}",
            "replica": str(folder / "replica"),
        }


async def _until(address: str, state: str) -> None:
    with cqar.Client(address) as client:
        await eventually(lambda: client.status().freshness.state == state, WAIT_S)


@pytest.fixture(scope="session")
async def behaviour(
    head: Position, servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The file that a client's own tests read, named by CQAR_BEHAVIOUR."""
    with cqar.Client(servers["resolver"]) as client, cqar.LocalReplica(servers["replica"]) as local:
        client.carry(head)
        client.status()

        def is_published() -> bool:
            return local.resolve("behaviour", "HALTED").maker_fee is not None

        await eventually(is_published, WAIT_S)
    file = tmp_path_factory.mktemp("behaviour") / "stack.json"
    told = {"cases": str(CASES), "servers": servers}
    file.write_text(json.dumps({**told, "epoch": str(head.epoch), "revision": str(head.revision)}))
    return file


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> GoFolder:
    return GoFolder(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
async def typescript() -> Path:
    """clients/typescript, compiled."""
    folder = CLIENTS / "typescript"
    if not (folder / "node_modules").is_dir():
        await ran("npm", "ci", "--ignore-scripts", cwd=folder)
    await ran("npm", "run", "build", cwd=folder)
    return folder
