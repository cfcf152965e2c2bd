"""Links that stall, slow down and break at random, each by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from tests.support.tcp_proxy import Link, link_to

CALM_S: Final = (0.2, 3.0)
STALL_S: Final = (0.05, 4.0)
#: What a slow link adds each way. Only so is an answer's head old when it arrives: a stall seldom
#: begins in the milliseconds between a question and its answer.
SLOW_S: Final = (0.05, 0.8)


@asynccontextmanager
async def links_of(
    services: Sequence[str], **urls: str
) -> AsyncIterator[tuple[dict[str, Link], dict[str, dict[str, str]]]]:
    """A link of its own for each service to each server (`nats=URL`).

    Yields them by name (`resolver-1 nats`), and the settings that lead each service through.
    """
    links: dict[str, Link] = {}
    settings: dict[str, dict[str, str]] = {}
    async with AsyncExitStack() as stack:
        for service in services:
            settings[service] = {}
            for name, url in urls.items():
                link, through = await stack.enter_async_context(link_to(url))
                links[f"{service} {name}"] = link
                settings[service][f"{name}_url"] = through
        yield links, settings


async def stall(link: Link, seconds: float) -> None:
    link.open.clear()
    try:
        await asyncio.sleep(seconds)
    finally:
        link.open.set()


async def slow(link: Link, delay_s: float, seconds: float) -> None:
    link.delay_s = delay_s
    try:
        await asyncio.sleep(seconds)
    finally:
        link.delay_s = 0.0


@asynccontextmanager
async def storm(links: Mapping[str, Link], seed: int) -> AsyncIterator[None]:
    """Trouble on every link until the block ends; afterwards all are open."""

    async def trouble(link: Link, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.uniform(*CALM_S))
            lasts_s = chance.uniform(*STALL_S)
            match chance.choice(("cut", "stall", "slow")):
                case "cut":
                    link.cut()
                case "stall":
                    await stall(link, lasts_s)
                case _:
                    await slow(link, chance.uniform(*SLOW_S), lasts_s)

    tasks = [
        asyncio.create_task(trouble(link, random.Random(f"{seed} {name}")))
        for name, link in links.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
