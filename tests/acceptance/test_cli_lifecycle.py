"""An admin's whole path from an empty registry, as `--help` tells it: every line works at once."""

from __future__ import annotations

import asyncio
import stat
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from cqar.cli import cli
from cqar.embedded.stack import StackOptions
from tests.acceptance.conftest import Stack, copied_state, running_stack
from tests.support.cli_runner import Ran

REASON = ("--reason", "notice 12")


async def last_revision(stack: Stack) -> str:
    logged = (await stack.ok("log", "--limit", "1", "-o", "json")).document
    return str(logged[0]["revision"])


async def resolved(stack: Stack, spelling: str, *more: str) -> Ran:
    """A resolution that has seen all that was changed."""
    head = await stack.head()
    position = f"{head.epoch}:{head.revision}"
    return await stack.cqar("resolve", "binance", spelling, "--min-revision", position, *more)


async def tradeable(stack: Stack, spelling: str) -> bool:
    document = (await resolved(stack, spelling, "--json")).document
    assert isinstance(document, dict), document
    return document["tradeable"]["open"].get("allowed", False) is True


async def test_from_an_empty_registry_to_its_log(stack: Stack) -> None:
    for line in (
        "chain add ethereum --name Ethereum --type evm --network-id 1",
        "asset add BTC --name Bitcoin --type native",
        "asset add USDT --name Tether --type native",
        "venue add binance --name Binance --type cex",
        "symbol add BTC USDT --type spot",
        "listing add binance BTCUSDT BTC/USDT --tick-size 0.01 --lot-size 0.00001",
    ):
        await stack.ok(*line.split())
    assert "BTC/USDT" in (await resolved(stack, "BTCUSDT")).out

    flag = ("flag", "raise", "BTC", "exploited", "critical", "--description", "the bridge")
    assert "1 listing: can be opened no more" in (await stack.ok(*flag, "--plan")).out
    await stack.ok(*flag, "--yes")
    assert "FLAG_CRITICAL_BASE the bridge" in (await resolved(stack, "BTCUSDT")).out
    await stack.ok("flag", "resolve", "BTC", "--notes", "patched")
    again = await stack.cqar("flag", "resolve", "BTC", "--notes", "patched")
    assert (again.code, "'BTC' has no active flag" in again.err) == (3, True)

    await stack.ok("listing", "rename", "binance", "BTCUSDT", "BTC-USDT", *REASON, "--yes")
    (only,) = (await stack.ok("listing", "list", "binance", "--json")).document
    assert (only["venue_symbol"], only["is_primary"]) == ("BTC-USDT", True)
    assert not await tradeable(stack, "BTCUSDT")

    await stack.ok("listing", "rm", "binance", "BTC-USDT", "--yes", *REASON)
    assert not await tradeable(stack, "BTC-USDT")
    steps = ("--tick-size", "0.1", "--lot-size", "0.001")
    await stack.ok("listing", "add", "binance", "BTC-USDT", "BTC/USDT", *steps)
    assert await tradeable(stack, "BTC-USDT")

    await stack.ok("listing", "rm", "binance", "BTC-USDT", "--yes", *REASON)
    revision = await last_revision(stack)
    assert "ONLINE → DELISTED" in (await stack.ok("undo", revision, *REASON, "--plan")).out
    assert not await tradeable(stack, "BTC-USDT")
    assert "taken back" in (await stack.ok("undo", revision, *REASON, "--yes")).out
    assert await tradeable(stack, "BTC-USDT")
    twice = await stack.cqar("undo", revision, *REASON, "--yes")
    assert twice.code == 1
    assert "binance/BTC-USDT" in twice.err
    none = await stack.cqar("undo", "9999999", *REASON, "--yes")
    assert (none.code, "see cqar log" in none.err) == (3, True)

    logged = (await stack.ok("log")).out
    for said in ("chain ethereum", "notice 12", "venue_symbol binance/BTC-USDT", "ONLINE"):
        assert said in logged
    past = (await stack.ok("history", "binance/BTC-USDT")).out
    assert past.count(", listed, ") >= 1
    assert past.count(", delisted, ") >= 1


async def test_what_ends_later_says_when(stack: Stack) -> None:
    at = "2099-03-01T08:00Z"
    await stack.ok("listing", "rm", "binance", "BTC-USDT", "--delisted-at", at, "--yes")
    assert "2099-03-01T08:00:00Z" in (await stack.ok("listing", "show", "binance", "BTC-USDT")).out
    await stack.ok("undo", await last_revision(stack), *REASON, "--yes")
    assert "2099" not in (await stack.ok("listing", "show", "binance", "BTC-USDT")).out


async def test_what_is_unused_is_removed_and_what_is_used_is_not(stack: Stack) -> None:
    await stack.ok("venue", "add", "mistake", "--name", "Mistake", "--type", "cex")
    await stack.ok("chain", "add", "goerli", "--name", "Goerli", "--type", "evm")
    for noun, key in (("venue", "mistake"), ("chain", "goerli")):
        remove = (noun, "rm", key, *REASON)
        assert "a plan" in (await stack.ok(*remove, "--plan")).out
        assert (await stack.cqar(*remove)).code == 2
        assert f"removed {noun} {key}" in (await stack.ok(*remove, "--yes")).out
        assert (await stack.cqar(*remove, "--yes")).code == 3
    used = await stack.cqar("venue", "rm", "binance", *REASON, "--yes")
    assert used.code == 1
    assert "binance/BTC-USDT" in used.err
    assert (await stack.cqar("venue", "rm", "binance", "--yes")).code == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("btcusdt", ("listing", "binance/BTC-USDT")),
        ("bitc", ("asset", "BTC")),
        ("BTC/USDT", ("symbol", "BTC/USDT")),
        ("BINAN", ("venue", "Binance")),
        ("ether", ("chain", "Ethereum")),
    ],
)
async def test_anything_is_found_by_a_part_of_its_name(
    stack: Stack, text: str, found: tuple[str, str]
) -> None:
    rows = [tuple(x.split("\t")[:2]) for x in (await stack.ok("search", text)).out.splitlines()]
    assert found in rows
    assert (await stack.cqar("search", "-_/")).code == 2
    assert "nothing has" in (await stack.ok("search", "zzzzzz")).err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cqar venue show bin", {"binance"}),
        ("cqar listing show binance BTC-", {"BTC-USDT"}),
        ("cqar resolve binance BTC-", {"BTC-USDT"}),
        ("cqar asset show BT", {"BTC"}),
        ("cqar symbol show BTC/", {"BTC/USDT"}),
        ("cqar chain rm eth", {"ethereum"}),
        ("cqar call getvenueas", {"GetVenueAsset"}),
        ("cqar venue add bin", set()),
        ("cqar venue show --writer 127.0.0.1:1 bin", set()),
    ],
)
async def test_a_shell_is_offered_the_names_that_there_are(
    stack: Stack, typed: str, offered: set[str]
) -> None:
    environment = {
        "CQAR_STATE": str(stack.state_dir),
        "_CQAR_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    runner = partial(CliRunner().invoke, env=environment, prog_name="cqar")
    ran = await asyncio.to_thread(runner, cli, [])
    assert {line.partition(",")[2] for line in ran.output.split()} == offered


async def test_a_context_stands_for_servers_and_a_key(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config" / "contexts.json"
    monkeypatch.setenv("CQAR_CONTEXTS", str(file))
    key = stack.endpoints.keys.read
    there = ("--writer", stack.endpoints.writer, "--key", key)
    await stack.ok("context", "add", "live", *there, "--state", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = await stack.ok("context", "list")
    assert key not in listed.out
    assert stack.endpoints.writer in listed.out
    assert "binance" in (await stack.ok("venue", "list", "--context", "live")).out
    denied = await stack.cqar("asset", "rm", "BTC", "--yes", "--context", "live")
    assert denied.code == 5
    file.chmod(file.stat().st_mode | stat.S_IWOTH)
    careless = await stack.cqar("venue", "list", "--context", "live")
    assert careless.code == 1
    assert "can be written by others" in careless.err
    file.chmod(0o600)
    unknown = await stack.cqar("venue", "list", "--context", "dead")
    assert (unknown.code, "there are live" in unknown.err) == (3, True)
    await stack.ok("context", "rm", "live")
    assert (await stack.cqar("context", "use", "live")).code == 3


async def test_the_doctor_says_what_is_there_and_what_to_do(stack: Stack, tmp_path: Path) -> None:
    well = (await stack.ok("doctor")).out
    assert well.count("\tok\t") >= 5
    assert "FAILED" not in well
    ill = await stack.cqar("doctor", "--state", tmp_path / "none")
    assert ill.code == 4
    assert "cqar up --detach" in ill.out


async def test_what_grpc_says_is_put_into_words(stack: Stack) -> None:
    address = stack.endpoints.resolvers[0]
    wrong = await stack.cqar("keys", "list", "--writer", address)
    assert wrong.code == 1
    assert f"{address} has no such call: is it a resolver and not a writer" in wrong.err


async def test_a_stack_that_starts_again_is_where_it_was(stack: Stack, empty_state: Path) -> None:
    # The well-known ports are taken, so that others are drawn.
    assert stack.endpoints.writer
    seen = []
    async with copied_state(empty_state) as state:
        for _ in range(2):
            async with running_stack(StackOptions(state, resolvers=1)) as running:
                at = running.endpoints
                seen.append((at.writer, at.resolvers, at.writer_http, at.resolver_http))
    assert seen[0] == seen[1]
