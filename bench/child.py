"""Measurements in a process of their own, in which nothing else runs.

`python -m bench.child MODULE:FUNCTION` calls a function of `bench.probes` with the JSON arguments
of its standard input, and prints the function's result as JSON.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec

from bench.results import ROOT, NotMeasured

READY: Final = b"ready\n"


def environment(**settings: str) -> Mapping[str, str]:
    """The environment of everything that is started: this process's, with these settings.

    With PYTHONDONTWRITEBYTECODE every process would compile all modules that it imports.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(ROOT), **settings}


class Child(NamedTuple):
    """A running probe."""

    process: Process
    output: asyncio.StreamReader

    async def until_ready(self) -> None:
        """Wait until the probe is about to measure; NotMeasured if it ended instead."""
        if await self.output.readline() != READY:
            raise NotMeasured("a probe ended before it was ready")

    async def result(self) -> Any:
        """Wait for the probe's result; NotMeasured if it failed."""
        output = await self.output.read()
        if status := await self.process.wait():
            raise NotMeasured(f"a probe exited with status {status}")
        return msgspec.json.decode(output)


@asynccontextmanager
async def start_probe(function: str, **arguments: Any) -> AsyncIterator[Child]:
    """Run `bench.probes.MODULE:FUNCTION` until the block ends."""
    argv = (sys.executable, "-m", "bench.child", function)
    process = await asyncio.create_subprocess_exec(
        *argv, env=environment(), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(arguments))
    process.stdin.close()
    try:
        yield Child(process, process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        # asyncio does not count it as ended until its output is read.
        await process.stdout.read()
        await process.wait()


async def probe(function: str, **arguments: Any) -> Any:
    """The result of `bench.probes.MODULE:FUNCTION`; NotMeasured if it failed."""
    async with start_probe(function, **arguments) as child:
        return await child.result()


def report_ready() -> None:
    """Called by a probe that is about to measure: `Child.until_ready` then returns."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def main() -> None:
    module, _, function = sys.argv[1].partition(":")
    measure = getattr(importlib.import_module(f"bench.probes.{module}"), function)
    result = measure(**msgspec.json.decode(sys.stdin.buffer.read()))
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    # Python's own standard output may be unbuffered, and then writes only what the pipe takes.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        out.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
