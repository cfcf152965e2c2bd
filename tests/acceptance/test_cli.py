"""The command line as people type it, and the stack as it is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub

from cqar.embedded.endpoints import read_endpoints
from tests.acceptance.conftest import Stack
from tests.support.cli_runner import run_process
from tests.support.commits import eventually

BACK_TIMEOUT_S = 60
WAIT_S = 30
#: Entities of the catalogue, with the symbols of its venue symbols.
CATALOGUE = 3741


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    first = await stack.ok("catalogue", "load")
    assert f"{CATALOGUE} added, 0 updated, 0 already there" in first.err
    await eventually(lambda: succeeds(stack, "resolve", "binance", "BTCUSDT"), WAIT_S)
    return stack


async def test_loading_the_catalogue_again_changes_nothing(registry: Stack) -> None:
    before = await registry.revision()
    said = await registry.process("catalogue", "load")
    after = await registry.revision()
    assert (said.code, f"0 added, 0 updated, {CATALOGUE} already there" in said.err) == (0, True), (
        said.err
    )
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
    ("arguments", "code", "said"),
    [
        (("resolve", "nowhere", "BTCUSDT"), 3, "no venue 'nowhere'"),
        (("resolve", "binance", "NOPE"), 3, "no venue symbol 'NOPE' at binance"),
        (("resolve", "binance", "btc-usdt"), 3, "(the venue spells: 'BTCUSDT')"),
        (("resolve", "binance", ""), 1, "venue_symbol: is required"),
        (("resolve", "binance", "X" * 129), 1, "has 129 characters; at most 128"),
        (("import", "nowhere", "--file", "a=/dev/null"), 3, "no venue 'nowhere'"),
        (("import", "uniswap-v3", "--file", "a=/dev/null"), 1, "ccxt_id"),
    ],
)
async def test_bad_input_is_refused_in_words(
    registry: Stack, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = await registry.cqar(*arguments)  # which would raise what is no error for people
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err


async def test_a_stack_that_is_not_there_says_how_to_start_one(tmp_path: Path) -> None:
    ran = await run_process("status", state=tmp_path / "none")
    assert (ran.code, "cqar up" in ran.err, "Traceback" in ran.err) == (4, True, False)


async def test_a_writer_that_is_down_is_named(registry: Stack) -> None:
    ran = await registry.cqar("--writer", "127.0.0.1:1", "venues")
    assert ran.code == 4
    assert "127.0.0.1:1 does not answer" in ran.err


async def succeeds(stack: Stack, *arguments: str) -> bool:
    """Resolvers are milliseconds behind the writer, or more on a machine with much to do."""
    return (await stack.cqar(*arguments)).code == 0


async def test_an_order_is_shown_on_the_venues_steps(registry: Stack) -> None:
    order = ("--price", "64000.123", "--quantity", "0.00112345")
    found = (await registry.ok("check", "binance", "BTCUSDT", *order, "--json")).document
    assert (found["allowed"], found["price"], found["quantity"]) == (True, "64000.12", "0.00112")
    selling = await registry.ok("check", "binance", "BTCUSDT", *order, "--side", "sell", "--json")
    assert selling.document["price"] == "64000.13"
    assert "64000.12" in (await registry.ok("check", "binance", "BTCUSDT", *order)).out


async def test_an_order_that_is_not_allowed_says_why_and_exits_1(registry: Stack) -> None:
    refused = await registry.cqar("check", "binance", "BTCUSDT", "--quantity", "0.0000001")
    assert (refused.code, "QUANTITY_BELOW_LOT" in refused.out) == (1, True)
    market = ("--kind", "market", "--quantity", "0.00001", "--reference-price", "64000")
    valued = (await registry.cqar("check", "binance", "BTCUSDT", *market, "--json")).document
    assert valued["notional"] == "0.64"
    wrong = await registry.cqar("check", "binance", "BTCUSDT", "--price", "1e5")
    assert (wrong.code, "price: must be a plain decimal" in wrong.err) == (1, True)


async def test_a_groups_name_alone_shows_what_is_in_it(registry: Stack) -> None:
    await registry.ok("group", "add", "majors", "--member", "BTC=1", "--member", "ETH=0.5")
    await eventually(lambda: succeeds(registry, "group", "majors"), WAIT_S)
    found = (await registry.ok("group", "majors", "--json")).document
    weights = {member["asset"]["symbol"]: member["weight"] for member in found["members"]}
    assert weights == {"BTC": "1", "ETH": "0.5"}
    assert "Ether" in (await registry.ok("group", "majors")).out
    missing = await registry.cqar("group", "minors")
    assert (missing.code, "no asset group 'minors'" in missing.err) == (3, True)


async def test_several_symbols_are_asked_for_at_once(registry: Stack) -> None:
    answers = (await registry.ok("resolve", "binance", "BTCUSDT", "ETHUSDT", "--json")).document
    assert [one["symbol"]["symbol"] for one in answers] == ["BTC/USDT", "ETH/USDT"]
    some = await registry.cqar("resolve", "binance", "BTCUSDT", "NONE")
    assert (some.code, "BTC/USDT" in some.out, "no venue symbol" in some.out) == (3, True, True)


async def test_symbols_come_from_standard_input(registry: Stack) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", "--state", str(registry.state_dir)),
        *("resolve", "binance", "-", "--json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(b"BTCUSDT\n\nETHUSDT\n")
    found = json.loads(out)
    assert (process.returncode, len(found)) == (0, 2)


async def test_watch_shows_what_changed_from_a_revision_on(registry: Stack) -> None:
    before = await registry.revision()
    await registry.ok(
        "venue", "add", "watched", "--name", "Watched", "--type", "cex", "--reason", "to be seen"
    )
    place = ("--from", f"1:{before + 1}", "--count", "1")
    shown = (await registry.ok("watch", *place)).out
    assert f"1:{before + 1}" in shown
    assert "to be seen" in shown
    assert "venue watched" in shown
    lines = (await registry.ok("watch", *place, "--kind", "venue", "--json")).out.splitlines()
    last = json.loads(lines[-1])["change_set"]
    assert [change["key"] for change in last["changes"]] == ["watched"]
    wrong = await registry.cqar("watch", "--from", "42")
    assert (wrong.code, "EPOCH:REVISION" in wrong.err) == (2, True)


async def test_a_watch_goes_on_when_its_resolver_was_killed_and_is_back(registry: Stack) -> None:
    first = await registry.revision() + 1
    watching = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", "--state", str(registry.state_dir)),
        *("watch", "--from", f"1:{first}", "--kind", "venue", "--count", "2", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(2 * WAIT_S):
            await registry.ok("venue", "set", "okx", "--website-url", "https://1.example")
            assert await told(watching) == first
            os.kill(registry.endpoints.pids["resolver-1"], signal.SIGKILL)
            assert watching.stderr is not None
            said = (await watching.stderr.readline()).decode()
            assert f"continuing from 1:{first + 1}" in said
            await eventually(lambda: succeeds(registry, "resolve", "binance", "BTCUSDT"), WAIT_S)
            await registry.ok("venue", "set", "okx", "--website-url", "https://2.example")
            assert await told(watching) == first + 1
            assert await watching.wait() == 0
    finally:
        if watching.returncode is None:
            watching.kill()


async def told(watching: asyncio.subprocess.Process) -> int:
    """The revision of the next change set; heartbeats come in between."""
    assert watching.stdout is not None
    while line := await watching.stdout.readline():
        if (change_set := json.loads(line).get("change_set")) is not None:
            return int(change_set["revision"])
    raise AssertionError((await watching.stderr.read()).decode() if watching.stderr else "")


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
