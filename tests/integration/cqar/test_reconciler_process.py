"""The process as an operator runs it: killed at any point, told to stop, run twice."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from cqc.services.v1 import asset_registry_pb2 as rpb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.ports import pick_ports
from cqar.embedded.process import Command, spawn
from cqar.reconciler.kept_rounds import KeptRounds
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually, head_of
from tests.support.entity_builders import a_venue
from tests.support.reconciling import SimulatedKraken, a_pair, kinds_changed
from tests.support.writer_server import Client, serving

START_S = 60.0
CODES = ("XXBT", "XETH", "SOL", "ADA", "DOT", "LINK", "ATOM", "XTZ")


class Started:
    """A reconciler's process."""

    def __init__(self, process: Process, http: str, log: Path) -> None:
        self.process = process
        self.http = http
        self.log = log

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.http}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def is_ready(self) -> bool:
        try:
            return (await self.get("/readyz"))[0] == 200
        except aiohttp.ClientError:
            return False

    async def applied(self) -> int:
        """Rounds that were applied since it started."""
        try:
            _, text = await self.get("/metrics")
        except aiohttp.ClientError:
            return 0
        name = 'cqar_reconciler_rounds_total{outcome="APPLIED",venue="kraken"} '
        found = [line for line in text.splitlines() if line.startswith(name)]
        return int(float(found[0].removeprefix(name))) if found else 0

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(START_S):
            return await self.process.wait()


def settings_of(folder: Path, writer: Client, url: str, http: str) -> dict[str, str]:
    key_file = folder.with_name("reconciler.key")
    key_file.write_text(writer.keys[Role.WRITE])
    return {
        "writer": writer.address,
        "key_file": str(key_file),
        "http_listen": http,
        "state_folder": str(folder),
        "venues": '[{"venue_id": "kraken"}]',
        "interval_s": "1",
        "base_urls": json.dumps({"*": url}),
        "request_interval_s": "0",
        "log_format": "text",
    }


async def start(log: Path, settings: dict[str, str], *arguments: str) -> Started:
    environ = {f"CQAR_RECONCILER_{name.upper()}": value for name, value in settings.items()}
    argv = (sys.executable, "-m", "cqar.reconciler", *(arguments or ("serve",)))
    env = {**os.environ, "CQAR_CONFIG": "", **environ}
    with log.open("ab") as file:
        process = await spawn(
            Command(name="reconciler", argv=argv, env=env), stdout=file, stderr=file
        )
    return Started(process, settings["http_listen"], log)


@asynccontextmanager
async def world(engine: AsyncEngine, folder: Path) -> AsyncIterator[tuple[Any, ...]]:
    kraken = SimulatedKraken(*(a_pair(code) for code in CODES))
    async with serving(engine, lambda: dt.datetime.now(dt.UTC)) as writer:
        with kraken.serving() as venue:
            ports = pick_ports({"first": 8082, "second": 8083})
            listens = [f"127.0.0.1:{ports[name]}" for name in ("first", "second")]
            yield (
                kraken,
                writer,
                *(
                    settings_of(folder / name, writer, venue.url, http)
                    for name, http in zip("ab", listens, strict=True)
                ),
            )


async def spellings(writer: Client) -> list[str]:
    request = rpb.ListVenueSymbolsRequest(venue_id="kraken", page_size=1000)
    found = await writer.call(writer.registry.ListVenueSymbols, request)
    return [v.venue_symbol for v in found.venue_symbols if not v.alias_of]


async def test_it_keeps_up_is_ready_and_ends_when_told_to(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    async with world(engine, tmp_path) as (kraken, writer, settings, _):
        one = await start(tmp_path / "log", settings)
        await eventually(one.is_ready, START_S)
        assert (await one.get("/livez"))[0] == 200
        await eventually(lambda: _at_least(one, 1), START_S)
        assert len(await spellings(writer)) == 8
        kraken.pairs.append(a_pair("UNI"))
        kraken.pairs[3] = a_pair("ADA", tick_size="0.1")
        before = await one.applied()
        await eventually(lambda: _at_least(one, before + 2), START_S)
        assert len(await spellings(writer)) == 9
        _, text = await one.get("/metrics")
        assert 'cqar_reconciler_rows{outcome="MARKET",venue="kraken"} 9.0' in text
        assert 'cqar_reconciler_findings_open{age="under_1h",kind="STEPS_COARSER"} 1.0' in text
        assert 'cqar_reconciler_fetches_total{result="OK"} ' in text
        assert 'cqar_dependency_up{dependency="writer"} 1.0' in text
        assert await one.end(signal.SIGTERM) == 0, one.log.read_text()


async def test_a_venue_that_does_not_answer_does_not_keep_it_from_ending(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    async with world(engine, tmp_path) as (kraken, writer, settings, _):
        kraken.answers.clear()
        one = await start(tmp_path / "log", {**settings, "drain_s": "0.2"})
        await eventually(one.is_ready, START_S)
        await asyncio.sleep(1.5)  # its round waits
        assert await one.end(signal.SIGTERM) == 0, one.log.read_text()
        assert "rounds are cut off" in one.log.read_text()
        kraken.answers.set()
        assert await spellings(writer) == []


async def _at_least(one: Started, rounds: int) -> bool:
    return await one.applied() >= rounds


async def test_killed_again_and_again_it_goes_on_where_it_was(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    async with world(engine, tmp_path) as (kraken, writer, settings, _):
        for place, pause_s in enumerate((0.3, 0.9, 1.5, 2.1)):
            kraken.pairs.append(a_pair(f"NEW{place}"))
            one = await start(tmp_path / "log", settings)
            await eventually(one.is_ready, START_S)
            await asyncio.sleep(pause_s)  # wherever it is then
            await one.end(signal.SIGKILL)
        one = await start(tmp_path / "log", settings)
        await eventually(lambda: _at_least(one, 2), START_S)
        assert len(await spellings(writer)) == 12
        settled = (await head_of(engine)).revision
        before = await one.applied()
        await eventually(lambda: _at_least(one, before + 2), START_S)
        assert await kinds_changed(writer, settled) == set()
        assert await one.end(signal.SIGTERM) == 0
        with KeptRounds.opened(tmp_path / "a") as kept:
            for kept_round in kept.rounds("kraken", 100):
                for answer in kept.answers(kept_round.round_id):
                    assert kept.content(answer.sha256)


async def test_two_do_no_harm_and_one_folder_takes_one(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    async with world(engine, tmp_path) as (_, writer, settings, others):
        both = [await start(tmp_path / f"log-{s['http_listen']}", s) for s in (settings, others)]
        for one in both:
            await eventually(lambda one=one: _at_least(one, 2), START_S)
        third = await start(tmp_path / "third", {**settings, "http_listen": "127.0.0.1:0"})
        async with asyncio.timeout(START_S):
            assert await third.process.wait() == 1
        assert "another reconciler uses it" in third.log.read_text()
        assert sorted(await spellings(writer)) == sorted(f"{code}USD" for code in CODES)
        for one in both:
            assert await one.end(signal.SIGTERM) == 0, one.log.read_text()


async def test_once_ends_after_a_round_of_each_venue(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    async with world(engine, tmp_path) as (_, writer, settings, _others):
        once = await start(tmp_path / "log", settings, "serve", "--once")
        async with asyncio.timeout(START_S):
            assert await once.process.wait() == 0, once.log.read_text()
        assert len(await spellings(writer)) == 8
