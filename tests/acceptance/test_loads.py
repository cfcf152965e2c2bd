"""Each kind of user for a few seconds: whatever they ask of a stack is answered, and rightly."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin.connection import Connection
from cqar.admin.rpc_catalog import RESOLVER, WRITER, rpcs
from loadtests.admin_changes import TICKER, new_changes, remove_left, run_asset_life
from loadtests.locust_runner import LoadSize, run_locust
from loadtests.mixes import ADMIN, CQMD, MIXES, Mix
from loadtests.own_stack import fill
from loadtests.run_outcome import RunOutcome
from loadtests.run_plan import runs_on_host, runs_on_stack
from tests.acceptance.conftest import Stack
from tests.support.cli_runner import Ran

#: 240 acts: a hundred have every RPC of a mix, and the machine may be a slow one.
SIZE: Final = LoadSize(seconds=3, acts_per_s=80, warm_up_s=0)
LENGTH: Final = ("--seconds", "3", "--rate", "80", "--warm-up", "0")
RUNS: Final = [(mix, server) for mix in MIXES.values() for server in mix.servers]


@pytest.fixture(scope="module")
async def filled(stack: Stack) -> Stack:
    """With the bundled catalogue and groups, as `make load` has it."""
    await asyncio.to_thread(fill, stack.endpoints)
    return stack


async def load_here(*arguments: str, key: str, reports: Path) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtests", "--reports", str(reports), *arguments),
        env={**os.environ, "CQAR_KEY": key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


@pytest.mark.parametrize(("mix", "server"), RUNS, ids=[f"{m.name}-{s}" for m, s in RUNS])
async def test_every_call_of_a_mix_is_made_and_answered_rightly(
    mix: Mix, server: str, filled: Stack, tmp_path: Path
) -> None:
    runs = {run.server: run for run in runs_on_stack(filled.endpoints, [mix])}
    outcome, _ = await run_locust(runs[server], SIZE, tmp_path)
    assert outcome.errors == []
    assert {rpc: outcome.made[rpc].errors for rpc in mix.rpcs} == dict.fromkeys(mix.rpcs, 0)
    assert (tmp_path / f"{runs[server].name}.html").stat().st_size > 0
    assert await asyncio.to_thread(assets_left, filled) == []


async def test_two_processes_of_locust_share_a_mix(filled: Stack, tmp_path: Path) -> None:
    (run,) = runs_on_stack(filled.endpoints, [CQMD])
    outcome, _ = await run_locust(run, SIZE._replace(processes=2), tmp_path)
    assert outcome.errors == []
    assert set(outcome.made) == set(CQMD.rpcs)


async def test_what_an_admin_was_stopped_in_the_middle_of_is_removed(filled: Stack) -> None:
    (run,) = runs_on_stack(filled.endpoints, [ADMIN])
    changes = new_changes()

    def stop_in_the_middle() -> None:
        with Connection(run.address, run.key) as writer:

            def call(name: str, request: Any) -> Any:
                rpc = rpcs()[name]
                method = writer.method(rpc.service, name)
                return None if name == "ResolveQualityFlag" else writer.call(method, request)

            run_asset_life(changes, call)
            assert assets_left(filled) == [changes.name]
            assert remove_left(changes, writer) == 1

    await asyncio.to_thread(stop_in_the_middle)
    assert await asyncio.to_thread(assets_left, filled) == []


def assets_left(stack: Stack) -> list[str]:
    """What admins of a load test did not remove."""
    with Connection(stack.endpoints.writer, stack.endpoints.keys.admin) as writer:
        request = pb.SearchAssetsRequest(query=TICKER)
        found = writer.call(writer.registry.SearchAssets, request).assets
    return [asset.name for asset in found if asset.symbol == TICKER]


async def test_a_given_server_is_asked_what_it_answers_and_changed_only_on_demand(
    filled: Stack,
) -> None:
    at, keys = filled.endpoints, filled.endpoints.keys
    resolver = await asyncio.to_thread(runs_on_host, at.resolvers[0], "", [])
    assert [(run.mix.name, run.server) for run in resolver] == [
        *(("cqmd", RESOLVER), ("cqpm", RESOLVER), ("cqvx", RESOLVER), ("roadmap", RESOLVER))
    ]
    writer = await asyncio.to_thread(runs_on_host, at.writer, keys.read, [])
    assert [(run.mix.name, run.server) for run in writer] == [("roadmap", WRITER)]
    changing = await asyncio.to_thread(runs_on_host, at.writer, keys.admin, [ADMIN])
    assert [run.mix.name for run in changing] == ["admin"]


async def test_the_command_says_what_came_of_it(filled: Stack, tmp_path: Path) -> None:
    asked = ("--host", filled.endpoints.resolvers[0], "--mix", "cqmd", *LENGTH)
    ran = await load_here(*asked, key="", reports=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    for said in ("cqmd", "ResolveBatch", "Watch", "answered"):
        assert said in ran.out, ran.out


async def test_the_command_fails_where_calls_fail(filled: Stack, tmp_path: Path) -> None:
    asked = ("--host", filled.endpoints.writer, "--mix", "admin", *LENGTH)
    read = filled.endpoints.keys.read
    ran = await load_here(*asked, key=read, reports=tmp_path)
    assert ran.code == 1
    assert "admin: " in ran.err
    assert "FAIL" in ran.out
    outcome = msgspec.json.decode((tmp_path / "admin.json").read_bytes(), type=RunOutcome)
    assert outcome.made["CreateAsset"].errors == outcome.made["CreateAsset"].calls > 0
    assert outcome.made["GetAsset"].errors == 0
    assert all("CreateAsset" in error for error in outcome.errors)


async def test_a_server_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    ran = await load_here("--host", "127.0.0.1:1", key="", reports=tmp_path)
    assert ran.code == 1
    assert ran.err.startswith("loadtests: 127.0.0.1:1 does not answer.")
