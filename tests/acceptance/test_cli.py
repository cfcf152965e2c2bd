"""The command line as people type it, and the stack as it is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub

from cqar.embedded.endpoints import read_endpoints
from tests.acceptance.conftest import Stack
from tests.support.cli_runner import run_process

BACK_TIMEOUT_S = 60


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    await stack.ok("catalogue", "load")
    return stack


async def test_loading_the_catalogue_again_changes_nothing(registry: Stack) -> None:
    before = await registry.revision()
    said = await registry.process("catalogue", "load")
    after = await registry.revision()
    assert (said.code, "0 added" in said.err) == (0, True)
    assert after == before


async def test_endpoints_json_names_every_address_and_pid(registry: Stack) -> None:
    path = registry.state_dir / "endpoints.json"
    document = json.loads(path.read_text())
    assert {"writer", "resolvers", "resolver_sockets", "writer_http"} <= document.keys()
    assert {"resolver_http", "postgres", "nats", "redis", "keys", "pids"} <= document.keys()
    assert document["keys"].keys() == {"admin", "read"}
    assert path.stat().st_mode & 0o777 == 0o600
    pids = document["pids"]
    assert pids["resolvers"] == [pids["resolver-1"], pids["resolver-2"]]
    assert {"writer", "resolver-1", "resolver-2", "postgres", "nats", "redis"} <= (
        document["pids"].keys()
    )


async def test_resolve_shows_symbol_steps_and_verdict(registry: Stack) -> None:
    text = (await registry.ok("resolve", "binance", "BTCUSDT")).out
    assert "BTC/USDT" in text
    assert "0.00001" in text
    answer = (await registry.process("resolve", "binance", "BTCUSDT", "--json")).document
    assert answer["tradeable"]["allowed"] is True
    assert answer["freshness"]["state"] == "SNAPSHOT_STATE_LIVE"


async def test_several_are_told_with_how_current_they_are(registry: Stack) -> None:
    ran = await registry.ok("resolve", "binance", "BTCUSDT", "ETHUSDT", "--json")
    assert {one["freshness"]["state"] for one in ran.document} == {"SNAPSHOT_STATE_LIVE"}
    assert (
        "2 of binance, LIVE, revision "
        in (await registry.ok("resolve", "binance", "BTCUSDT", "ETHUSDT")).out
    )


async def test_a_listing_without_steps_resolves_and_is_not_tradeable(registry: Stack) -> None:
    answer = (await registry.ok("resolve", "binance", "BNBUSDT", "--json")).document
    reasons = [reason["code"] for reason in answer["tradeable"]["open"]["reasons"]]
    assert reasons == ["STEPS_UNKNOWN"]


async def test_status_and_venues_are_readable_and_json(registry: Stack) -> None:
    document = (await registry.process("status", "--json")).document
    assert [r["state"] for r in document["resolvers"]] == ["LIVE", "LIVE"]
    assert "LIVE" in (await registry.ok("status")).out
    venues = (await registry.ok("venues", "--json")).document
    assert {"binance", "kraken", "uniswap-v3"} <= {venue["venue_id"] for venue in venues}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resolve", "nowhere", "BTCUSDT"), "no venue 'nowhere'"),
        (("resolve", "binance", "NOPE"), "no venue symbol 'NOPE' at binance"),
        (("resolve", "binance", "btcusdt"), "no venue symbol 'btcusdt' at binance"),
        (("resolve", "binance", ""), "venue_symbol: is required"),
        (("resolve", "binance", "X" * 129), "has 129 characters; at most 128"),
        (("import", "nowhere", "--file", "a=/dev/null"), "no venue 'nowhere'"),
        (("import", "uniswap-v3", "--file", "a=/dev/null"), "ccxt_id"),
    ],
)
async def test_bad_input_is_refused_in_words(
    registry: Stack, arguments: tuple[str, ...], said: str
) -> None:
    ran = await registry.process(*arguments)
    assert ran.code == 1
    assert said in ran.err
    assert "Traceback" not in ran.err


async def test_a_stack_that_is_not_there_says_how_to_start_one(tmp_path: Path) -> None:
    ran = await run_process("status", state=tmp_path / "none")
    assert (ran.code, "cqar up" in ran.err, "Traceback" in ran.err) == (1, True, False)


async def test_a_writer_that_is_down_is_named(registry: Stack) -> None:
    ran = await registry.cqar("--writer", "127.0.0.1:1", "venues")
    assert ran.code == 1
    assert "127.0.0.1:1 does not answer" in ran.err


async def test_what_is_killed_comes_back_on_its_address_and_goes_on(registry: Stack) -> None:
    before = read_endpoints(registry.state_dir)
    for name in ("writer", "resolver-1"):
        os.kill(before.pids[name], signal.SIGKILL)
    async with asyncio.timeout(BACK_TIMEOUT_S):
        names = ("writer", "resolver-1")
        while any(
            read_endpoints(registry.state_dir).pids.get(name) in (None, before.pids[name])
            for name in names
        ):
            await asyncio.sleep(0.1)
        after = read_endpoints(registry.state_dir)
        while await state_of(after.resolvers[0]) != pb.SNAPSHOT_STATE_LIVE:
            await asyncio.sleep(0.1)
    assert (after.writer, after.resolvers) == (before.writer, before.resolvers)
    await registry.ok("resolve", "binance", "BTCUSDT")


async def state_of(address: str) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await ResolverStub(channel).GetStatus(pb.GetStatusRequest(), wait_for_ready=True)
        return int(answer.freshness.state)
