"""Measurements in a process of their own, so that nothing but what is measured runs in it.

`python -m bench.children MODULE:FUNCTION` calls a function of `bench.probes` with the arguments
that come as JSON on standard input, and prints what it returns.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from bench.environment import environment
from bench.measured import Unmeasured
from cqar.embedded.process import Command, kill_session, spawn

TIMEOUT_S: Final = 900.0
READY: Final = b"ready\n"


class ProbeFailed(Unmeasured):
    """A process that measures has ended otherwise than with a result."""


class Child:
    """One that runs."""

    def __init__(self, name: str, process: Process) -> None:
        self._name = name
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def until_ready(self) -> None:
        """Wait until it says that it is about to measure.

        Raises:
            ProbeFailed: It ended instead.
        """
        assert self._process.stdout is not None
        if await self._process.stdout.readline() != READY:
            raise ProbeFailed(f"{self._name} ended before it was ready")

    async def result(self) -> Any:
        """Wait for what it returns.

        Raises:
            ProbeFailed: It failed.
        """
        assert self._process.stdout is not None
        said = await self._process.stdout.read()
        if status := await self._process.wait():
            raise ProbeFailed(f"{self._name} exited with status {status}")
        return msgspec.json.decode(said)


@asynccontextmanager
async def started(function: str, **arguments: Any) -> AsyncIterator[Child]:
    """Run `bench.probes.MODULE:FUNCTION`; it is ended with the block."""
    command = Command(
        name=function,
        argv=(sys.executable, "-m", "bench.children", function),
        env=environment(),
    )
    process = await spawn(command, stdin=PIPE, stdout=PIPE, stderr=sys.stderr.fileno())
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(arguments))
        process.stdin.close()
        async with asyncio.timeout(TIMEOUT_S):
            yield Child(function, process)
    finally:
        kill_session(process)
        # Until all that it wrote is read, it does not count as ended.
        await process.stdout.read()
        await process.wait()


async def measured(function: str, **arguments: Any) -> Any:
    """What `bench.probes.MODULE:FUNCTION` returns in a process of its own.

    Raises:
        ProbeFailed: It failed.
    """
    async with started(function, **arguments) as child:
        return await child.result()


def say_ready() -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def main() -> None:
    module, _, function = sys.argv[1].partition(":")
    probe = getattr(importlib.import_module(f"bench.probes.{module}"), function)
    found = probe(**msgspec.json.decode(sys.stdin.buffer.read()))
    if inspect.iscoroutine(found):
        found = asyncio.run(found)
    # Python's own may be unbuffered, and then writes as much as the pipe takes.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        out.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
