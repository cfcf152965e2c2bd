"""`python -m bench.profiling WHAT`: where the time goes, by py-spy, while WHAT is under load.

Shares are of the samples in which the process ran, and inclusive: what a function and all that it
calls took.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from bench.asking import RESOLVE, RESOLVE_BATCH, answered, resolve, resolve_batch
from bench.children import started
from bench.ground import Ground
from bench.h2load import Target, load
from bench.hot import hot
from bench.machine import ROOT
from bench.measured import Sample
from bench.scale import FULL, QUICK
from bench.setting import Setting
from bench.subjects.changing import symbols

#: The load goes on a little longer than the profile.
PROFILED_S: Final = 10
LOAD_S: Final = 25.0
SAMPLES_PER_S: Final = 200
FUNCTIONS_SHOWN: Final = 40
_FRAME: Final = re.compile(r"(.+) \((.+):\d+\)")

#: Yields the process to look at, while it has much to do.
Loaded = Callable[[Ground], AbstractAsyncContextManager[int]]


@asynccontextmanager
async def _replica(ground: Ground) -> AsyncIterator[int]:
    arguments = {"database": ground.database, "nats": ground.nats, "keys": hot(ground.market)}
    await ground.writer()
    async with started("in_process:replica", seconds=LOAD_S, **arguments) as child:
        await asyncio.sleep(5)
        yield child.pid


@asynccontextmanager
async def _grpc(method: str, request: bytes, ground: Ground) -> AsyncIterator[int]:
    resolver = await ground.resolver()
    least = len(await answered(resolver.grpc, method, request)) // 2
    loading = load(Target(resolver.grpc, method, request, least), 8, LOAD_S)
    async with _beside(loading):
        yield resolver.pid


@asynccontextmanager
async def _apply(ground: Ground) -> AsyncIterator[int]:
    writer = await ground.writer()
    arguments = {"writer": writer.grpc, "api_key": ground.key}
    found = symbols(ground.market, 10_000)
    async with started("changing:apply", symbol_ids=found, size=1_000, count=20, **arguments):
        await asyncio.sleep(3)
        yield writer.pid


@asynccontextmanager
async def _mutation(ground: Ground) -> AsyncIterator[int]:
    writer, resolver = await ground.writer(), await ground.resolver()
    arguments = {"writer": writer.grpc, "api_key": ground.key, "resolver": resolver.grpc}
    keys = [list(ground.market.spelled(number)) for number in range(1, 7)]
    async with started("changing:mutate", count=3_000, keys=keys, **arguments):
        await asyncio.sleep(3)
        yield writer.pid


@asynccontextmanager
async def _beside(work: Coroutine[None, None, Sample]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    await asyncio.sleep(2)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _workloads(ground: Ground) -> Mapping[str, Loaded]:
    keys = hot(ground.market)
    one = resolve(keys[0]).SerializeToString()
    return {
        "replica": _replica,
        "resolve": partial(_grpc, RESOLVE, one),
        "batch": partial(_grpc, RESOLVE_BATCH, resolve_batch(keys).SerializeToString()),
        "apply": _apply,
        "mutation": _mutation,
    }


NAMES: Final = ("replica", "resolve", "batch", "apply", "mutation")


def shares(raw: str) -> list[tuple[str, float]]:
    """(function, share of the samples that it is in), most first; of py-spy's raw format."""
    within, total = Counter[str](), 0
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        total += int(count)
        for frame in {_named(frame) for frame in stack.split(";")}:
            within[frame] += int(count)
    return [(frame, count / total) for frame, count in within.most_common(FUNCTIONS_SHOWN)]


def _named(frame: str) -> str:
    """Without its line, and its file from the repository on."""
    found = _FRAME.fullmatch(frame)
    if found is None:
        return frame
    return f"{found[1]} ({found[2].removeprefix(f'{ROOT}/')})"


async def _profile(pid: int, path: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid)),
        *("--duration", str(PROFILED_S), "--rate", str(SAMPLES_PER_S)),
        *("--format", "raw", "--output", str(path), "--nonblocking"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()
    return path.read_text()


async def _all(names: tuple[str, ...], *, quick: bool, console: Console) -> None:
    async with AsyncExitStack() as stack:
        setting = Setting(QUICK if quick else FULL, stack, lambda *_: None)
        ground = await setting.ground(setting.scale.middle)
        for name in names:
            async with _workloads(ground)[name](ground) as pid:
                raw = await _profile(pid, ground.folder / f"{name}.raw")
            shown = Table("share", "in", title=name)
            for function, share in shares(raw):
                shown.add_row(f"{share:.1%}", function)
            console.print(shown)


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="On a small registry.")
def main(names: tuple[str, ...], *, quick: bool) -> None:
    """Show where the time goes.

    \b
    Example: python -m bench.profiling replica batch apply
    """
    asyncio.run(_all(names, quick=quick, console=Console(width=120)))


if __name__ == "__main__":
    main()
