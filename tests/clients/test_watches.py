"""A watch in Go and in TypeScript that loses its resolver goes on behind what it delivered."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import Stack
from tests.clients.go_build import GoFolder
from tests.support.tcp_proxy import link_to

PROGRAMS = Path(__file__).parent / "programs"
WAIT_S = 60.0
Argv = Callable[[str], list[str]]


@pytest.fixture(params=["go", "typescript"])
async def argv(request: pytest.FixtureRequest, go: GoFolder, typescript: Path) -> Argv:
    """The command that watches an address until it has seen a reason."""
    program = ["node", str(PROGRAMS / "watch.mjs")]
    if request.param == "go":
        go.add("watch", (PROGRAMS / "main.go").read_text())
        program = [str(await go.build("watch"))]
    return lambda address: [*program, address, "third"]


async def test_a_watch_delivers_each_change_once_although_it_lost_its_resolver(
    stack: Stack, argv: Argv
) -> None:
    async def change(reason: str) -> None:
        fee = {"first": "0.001", "second": "0.002", "third": "0.003"}[reason]
        words = ("listing", "set", "behaviour", "DOUBTED", "--taker-fee", fee)
        await stack.ok(*words, "--reason", reason)

    async with link_to(f"grpc://{stack.endpoints.resolvers[0]}") as (link, url):
        address = url.removeprefix("grpc://")
        watching = await asyncio.create_subprocess_exec(
            *argv(address), stdout=PIPE, env=dict(os.environ)
        )
        assert watching.stdout is not None
        async with asyncio.timeout(WAIT_S):
            assert await watching.stdout.readline() == b"begun\n"
            await change("first")
            assert await watching.stdout.readline() == b"first\n"
            link.go_down()
            await change("second")
            link.come_back()
            await change("third")
            assert await watching.stdout.read() == b"second\nthird\n"
            assert await watching.wait() == 0
