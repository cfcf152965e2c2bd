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
from typing import Any, Final

import msgspec

from bench.results import ROOT, NotMeasured

READY: Final = b"ready\n"


def environment(**settings: str) -> Mapping[str, str]:
    """The environment of everything that is started: this process's, with these settings.

    With PYTHONDONTWRITEBYTECODE every process would compile all modules that it imports.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(ROOT), **settings}


class Child:
    """A running probe."""

    def __init__(self, function: str, process: Process) -> None:
        assert process.stdout is not None
        self._function = function
        self._process = process
        self._output = process.stdout

    async def until_ready(self) -> None:
        """Wait until the probe is about to measure.

        Raises:
            NotMeasured: it ended instead.
        """
        if await self._output.readline() != READY:
            raise NotMeasured(f"{self._function} ended before it was ready")

    async def result(self) -> Any:
        """Wait for the probe's result.

        Raises:
            NotMeasured: the probe failed.
        """
        output = await self._output.read()
        if status := await self._process.wait():
            raise NotMeasured(f"{self._function} exited with status {status}")
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
        yield Child(function, process)
    finally:
        if process.returncode is None:
            process.kill()
        # asyncio does not count it as ended until its output is read.
        await process.stdout.read()
        await process.wait()


async def probe(function: str, **arguments: Any) -> Any:
    """The result of `bench.probes.MODULE:FUNCTION` in a process of its own.

    Raises:
        NotMeasured: the probe failed.
    """
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
