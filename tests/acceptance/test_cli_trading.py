"""`cqar check`, `cqar group NAME`, `cqar watch` and several symbols at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import pytest

from tests.acceptance.conftest import Stack
from tests.support.commits import eventually

WAIT_S = 30


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    await stack.ok("catalogue", "load")
    await eventually(lambda: succeeds(stack, "resolve", "binance", "BTCUSDT"), WAIT_S)
    return stack


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
    assert (missing.code, "no asset group 'minors'" in missing.err) == (1, True)


async def test_several_symbols_are_asked_for_at_once(registry: Stack) -> None:
    answers = (await registry.ok("resolve", "binance", "BTCUSDT", "ETHUSDT", "--json")).document
    assert [one["symbol"]["symbol"] for one in answers] == ["BTC/USDT", "ETH/USDT"]
    some = await registry.cqar("resolve", "binance", "BTCUSDT", "NONE")
    assert (some.code, "BTC/USDT" in some.out, "no venue symbol" in some.out) == (1, True, True)


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
