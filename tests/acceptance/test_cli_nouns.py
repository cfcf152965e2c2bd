"""Nouns and verbs as people type them: a small registry is made, looked at, changed, taken down."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import uuid
from typing import Any

import grpc
import pytest
from cqc.assets.v1 import asset_pb2
from cqc.venues.v1 import venue_asset_pb2
from cqc.writer.v1 import registry_admin_pb2 as admin_pb
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminStub

from tests.acceptance.conftest import Stack
from tests.support.cli_runner import Ran

USDC_ADDRESS = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"


class Typist:
    """Types commands at a stack; remembers what was made."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.made: dict[str, str] = {}

    async def ok(self, *arguments: str) -> Ran:
        return await self._stack.ok(*arguments)

    async def json(self, *arguments: str) -> Any:
        return (await self.ok(*arguments, "--json")).document

    async def refused(self, *arguments: str, code: int = 1) -> str:
        ran = await self._stack.cqar(*arguments)
        assert ran.code == code, ran.out + ran.err
        assert "Traceback" not in ran.err
        return ran.err


@pytest.fixture(scope="module")
async def cqar(stack: Stack) -> Typist:
    """A chain, assets of which two share a ticker, a venue, a symbol and a listing."""
    typist = Typist(stack)
    for line in (
        ("chain", "add", "ethereum", "--name", "Ethereum", "--type", "evm", "--network-id", "1"),
        ("venue", "add", "binance", "--name", "Binance", "--type", "cex"),
    ):
        await typist.ok(*line)
    for key, ticker, name in (
        ("BTC", "BTC", "Bitcoin"),
        ("WBTC", "WBTC", "Wrapped Bitcoin"),
        ("USDC", "USDC", "USD Coin"),
        ("ONE", "ONE", "Harmony"),
        ("other ONE", "ONE", "Another One"),
    ):
        added = await typist.json("asset", "add", ticker, "--name", name, "--type", "native", "-y")
        typist.made[key] = added["asset"]["asset_id"]
    symbol = await typist.json(
        *("symbol", "add", "BTC", "USDC", "--type", "spot"),
        *("--tick-size", "0.010", "--lot-size", "0.00001"),
    )
    typist.made["BTC/USDC"] = symbol["symbol"]["symbol_id"]
    listing = await typist.ok(
        "listing", "add", "binance", "BTCUSDC", "BTC/USDC", "--tick-size", "0.01"
    )
    assert "added listing binance BTCUSDC BTC/USDC (" in listing.out
    return typist


async def test_an_asset_is_added_shown_set_listed_searched_and_removed(cqar: Typist) -> None:
    added = await cqar.ok("asset", "add", "DOGE", "--name", "Dogecoin", "--type", "native")
    assert added.out.startswith("added asset DOGE (")
    assert ", revision " in added.out

    changed = await cqar.json("asset", "set", "DOGE", "--category", "meme")
    assert changed["asset"]["category"] == "meme"
    assert int(changed["revision"]) > 0
    shown = (await cqar.ok("asset", "show", "DOGE")).out
    assert all(word in shown for word in ("Dogecoin", "meme", "native"))
    assert (await cqar.json("asset", "show", "DOGE"))["name"] == "Dogecoin"

    cleared = await cqar.json("asset", "set", "DOGE", "--category", "")
    assert "category" not in cleared["asset"]
    assert cleared["asset"]["name"] == "Dogecoin"

    assert "DOGE" in (await cqar.ok("asset", "list", "--type", "native")).out
    assert "no assets." in (await cqar.ok("asset", "list", "--type", "spl")).err
    assert [a["symbol"] for a in await cqar.json("asset", "search", "dogec")] == ["DOGE"]

    removed = await cqar.ok("asset", "rm", "DOGE", "--yes")
    assert removed.out.startswith("removed asset DOGE (")
    said = await cqar.refused("asset", "show", "DOGE", code=3)
    assert "no asset has the ticker 'DOGE'" in said
    assert "cqar asset search DOGE" in said


async def test_a_ticker_of_two_assets_is_refused_with_both_and_an_id_is_taken(cqar: Typist) -> None:
    said = await cqar.refused("asset", "set", "ONE", "--category", "layer-1")
    assert "2 assets have the ticker 'ONE'" in said
    for key, name in (("ONE", "Harmony"), ("other ONE", "Another One")):
        assert f"{cqar.made[key]}  ONE  {name}" in said
    changed = await cqar.json("asset", "set", cqar.made["ONE"], "--category", "layer-1")
    assert changed["asset"]["name"] == "Harmony"
    assert "category" not in await cqar.json("asset", "show", cqar.made["other ONE"])


async def test_a_text_of_two_symbols_is_refused_with_both(cqar: Typist) -> None:
    ids = []
    for base in ("ONE", "other ONE"):
        added = await cqar.json("symbol", "add", cqar.made[base], "USDC", "--type", "spot")
        ids.append(added["symbol"]["symbol_id"])
    said = await cqar.refused("listing", "add", "binance", "ONEUSDC", "ONE/USDC")
    assert "2 symbols have the text 'ONE/USDC'" in said
    for key, base in zip(ids, ("ONE", "other ONE"), strict=True):
        assert f"{key}  ONE/USDC  base {cqar.made[base]}" in said


async def test_a_ticker_in_other_letters_is_a_question_not_an_answer(cqar: Typist) -> None:
    said = await cqar.refused("asset", "show", "btc", code=3)
    assert "did you mean" in said
    assert f"{cqar.made['BTC']}  BTC  Bitcoin" in said


async def test_a_chain_and_a_venue_are_shown_set_and_listed(cqar: Typist) -> None:
    await cqar.ok("chain", "set", "ethereum", "--rpc-url", "https://a.example", "--no-testnet")
    chain = await cqar.json("chain", "show", "ethereum")
    assert chain["rpc_urls"] == ["https://a.example"]
    assert "EVM" in (await cqar.ok("chain", "list", "--type", "evm")).out

    await cqar.ok("venue", "set", "binance", "--metadata", '{"ccxt_id": "binance"}')
    venue = await cqar.json("venue", "show", "binance")
    assert venue["metadata"] == {"ccxt_id": "binance"}
    assert [v["venue_id"] for v in await cqar.json("venue", "list", "--type", "cex")] == ["binance"]


async def test_a_deployment_is_added_shown_and_listed(cqar: Typist) -> None:
    line = ("deployment", "add", "USDC", "ethereum", "--contract-address", USDC_ADDRESS.lower())
    added = await cqar.json(*line, "--decimals", "6", "--canonical")
    key = added["deployment"]["deployment_id"]
    shown = (await cqar.ok("deployment", "show", key)).out
    assert USDC_ADDRESS in shown
    assert f"{cqar.made['USDC']} (USDC)" in shown
    assert "USDC" in (await cqar.ok("deployment", "list", "--chain", "ethereum")).out
    assert [a["symbol"] for a in await cqar.json("asset", "search", USDC_ADDRESS)] == ["USDC"]


async def test_a_relationship_is_added_listed_from_both_ends_and_removed(cqar: Typist) -> None:
    added = await cqar.json("relationship", "add", "WBTC", "wraps", "BTC", "--conversion-rate", "1")
    key = added["relationship"]["relationship_id"]
    for end in ("WBTC", "BTC"):
        (row,) = await cqar.json("relationship", "list", end, "--type", "wraps")
        assert row["relationship_id"] == key
    assert "wraps" in (await cqar.ok("relationship", "list")).out
    in_use = await cqar.refused("asset", "rm", "WBTC", "--yes")
    assert "remove what uses it first" in in_use
    removed = await cqar.ok("relationship", "rm", key, "--yes")
    assert removed.out.startswith(f"removed relationship {key}, revision ")
    assert await cqar.json("relationship", "list", "BTC") == []


async def test_a_group_has_members_with_exact_weights(cqar: Typist) -> None:
    await cqar.ok("group", "add", "bitcoins", "--member", "BTC=1.10", "--type", "basket")
    await cqar.ok("group", "member", "add", "bitcoins", "WBTC", "--weight", "0.999")
    group = await cqar.json("group", "show", "bitcoins")
    weights = {member["asset_id"]: member["weight_exact"] for member in group["members"]}
    assert weights == {cqar.made["BTC"]: "1.1", cqar.made["WBTC"]: "0.999"}
    assert "WBTC 0.999" in (await cqar.ok("group", "show", group["group_id"])).out
    assert "bitcoins" in (await cqar.ok("group", "list", "--type", "basket")).out
    await cqar.ok("group", "member", "rm", "bitcoins", "WBTC", "-y")
    assert len((await cqar.json("group", "show", "bitcoins"))["members"]) == 1
    said = await cqar.refused("group", "show", "nothing", code=3)
    assert "no group has the name 'nothing'" in said


async def test_a_symbol_is_shown_set_listed_searched_and_removed(cqar: Typist) -> None:
    symbol = await cqar.json("symbol", "show", "BTC/USDC")
    assert symbol["exact"] == {"tick_size": "0.01", "lot_size": "0.00001"}
    await cqar.ok("symbol", "set", "BTC/USDC", "--lot-size", "0.0001")
    shown = (await cqar.ok("symbol", "show", cqar.made["BTC/USDC"])).out
    assert "0.0001 " in shown
    assert f"{cqar.made['BTC']} (BTC)" in shown
    listed = await cqar.json("symbol", "list", "--base-asset", "BTC", "--type", "spot")
    assert [s["symbol"] for s in listed] == ["BTC/USDC"]
    assert "BTC/USDC" in (await cqar.ok("symbol", "search", "btc/")).out

    future = ("symbol", "add", "BTC", "USDC", "--type", "future", "--settlement-asset", "BTC")
    added = await cqar.json(*future, "--expiry", "2099-12-25T08:00Z", "--contract-size", "100")
    text = added["symbol"]["symbol"]
    assert text == "BTC/USDC:BTC-991225"
    await cqar.ok("symbol", "rm", text, "--yes")
    assert "no symbol has the text" in await cqar.refused("symbol", "show", text, code=3)


async def test_a_listing_is_shown_set_listed_and_delisted(cqar: Typist) -> None:
    await cqar.ok("listing", "add", "binance", "BTC-USDC", "BTC/USDC", "--alias-of", "BTCUSDC")
    halted = await cqar.json("listing", "set", "binance", "BTCUSDC", "--status", "halted")
    assert halted["venue_symbol"]["status"] == "MARKET_STATUS_HALTED"
    shown = (await cqar.ok("listing", "show", "binance", "BTCUSDC")).out
    assert "halted" in shown
    assert "BTC/USDC" in shown
    listed = (await cqar.ok("listing", "list", "binance", "--symbol", "BTC/USDC")).out
    assert len(listed.splitlines()) == 3
    assert "BTC/USDC" in listed
    for spelling in ("BTC-USDC", "BTCUSDC"):
        gone = await cqar.ok("listing", "rm", "binance", spelling, "--yes", "--reason", "geprüft")
        assert gone.out.startswith(f"delisted listing binance {spelling} (")
    assert await cqar.json("listing", "list", "binance") == []
    assert len(await cqar.json("listing", "list", "binance", "--include-delisted")) == 2
    past = await cqar.json("history", "binance/BTCUSDC")
    assert past[0]["reason"] == "geprüft"


async def test_a_venue_asset_is_added_shown_set_listed_and_delisted(cqar: Typist) -> None:
    await cqar.ok("venue-asset", "add", "binance", "BTC", "XXBT", "--other-code", "XBT")
    await cqar.ok("venue-asset", "set", "binance", "BTC", "--no-withdraw-enabled")
    held = await cqar.json("venue-asset", "show", "binance", "BTC")
    assert (held["other_codes"], held["withdraw_enabled"]) == (["XBT"], False)
    row = (await cqar.ok("venue-asset", "list", "binance")).out
    assert "XXBT" in row
    gone = await cqar.ok("venue-asset", "rm", "binance", "BTC", "--yes")
    assert gone.out.startswith("delisted venue-asset binance BTC, revision ")
    assert "delisted_at" in await cqar.json("venue-asset", "show", "binance", "BTC")


async def test_a_flag_is_raised_listed_checked_and_resolved(cqar: Typist) -> None:
    line = (
        "flag",
        "raise",
        "WBTC",
        "exploited",
        "critical",
        "--description",
        "keys leaked",
        "--yes",
    )
    key = (await cqar.json(*line))["flag"]["flag_id"]
    checked = (await cqar.ok("flag", "check", "WBTC")).out
    assert "no" in checked
    assert f"exploited critical keys leaked {key}" in checked
    assert [f["flag_id"] for f in await cqar.json("flag", "list", "WBTC")] == [key]
    await cqar.ok("flag", "resolve", key, "--notes", "keys were changed")
    assert (await cqar.json("flag", "check", "WBTC"))["tradeable"] is True
    assert await cqar.json("flag", "list") == []
    ended = await cqar.json("flag", "list", "--include-resolved", "--min-severity", "high")
    assert ended[0]["resolution_notes"] == "keys were changed"


async def test_assets_and_symbols_have_identifiers_elsewhere(cqar: Typist) -> None:
    await cqar.ok("identifier", "add", "asset", "BTC", "coingecko", "bitcoin", "--primary")
    await cqar.ok("identifier", "add", "symbol", "BTC/USDC", "glassnode", "btc_usdc")
    shown = await cqar.json("identifier", "show", "asset", "BTC", "coingecko")
    assert (shown["external_id"], shown["is_primary"]) == ("bitcoin", True)
    assert (
        "btc_usdc" in (await cqar.ok("identifier", "show", "symbol", "BTC/USDC", "glassnode")).out
    )
    assert "bitcoin" in (await cqar.ok("identifier", "list", "asset")).out
    assert len(await cqar.json("identifier", "list", "symbol", "BTC/USDC")) == 1


async def test_a_change_sent_again_with_its_key_is_made_once(cqar: Typist) -> None:
    line = ("asset", "add", "TWICE", "--name", "Twice", "--type", "native")
    first = await cqar.json(*line, "--idempotency-key", "twice-1")
    again = await cqar.json(*line, "--idempotency-key", "twice-1")
    assert again == first
    found = await cqar.json("asset", "search", "TWICE")
    assert [asset["symbol"] for asset in found].count("TWICE") == 1


async def test_what_changed_meanwhile_is_not_overwritten(cqar: Typist) -> None:
    added = await cqar.json("asset", "add", "STALE", "--name", "Stale", "--type", "native")
    await cqar.ok("asset", "set", "STALE", "--name", "Newer")
    line = ("asset", "set", "STALE", "--name", "Older", "--if-revision", added["revision"])
    assert "cqar history" in await cqar.refused(*line)
    assert (await cqar.json("asset", "show", "STALE"))["name"] == "Newer"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("asset add X", 1, ("--name: is required", "cqar asset add --help")),
        ("symbol set BTC/USDC --tick-size 1e-8", 1, ("--tick-size:",)),
        ("flag raise BTC paused low", 1, ("--description: is required",)),
        ("venue show nowhere", 3, ("no venue 'nowhere'", "cqar venue list")),
        ("listing show nowhere X", 3, ("no venue 'nowhere'", "cqar venue list")),
        ("listing show binance X", 3, ("no venue symbol 'X'", "cqar listing list")),
        ("listing show binanse X", 3, ("did you mean 'binance'?",)),
        ("chain show Base", 3, ("no chain 'Base'", "cqar chain list")),
        ("relationship rm x --yes", 1, ("RELATIONSHIP: must be a UUID",)),
        ("--key wrong asset list", 5, ("--key, or CQAR_KEY",)),
    ],
)
async def test_a_refusal_says_why_and_what_to_do(
    cqar: Typist, line: str, code: int, said: tuple[str, ...]
) -> None:
    text = await cqar.refused(*line.split(), code=code)
    for part in said:
        assert part in text


async def test_a_key_that_may_only_read_is_told_to_give_another(cqar: Typist, stack: Stack) -> None:
    key = stack.endpoints.keys.read
    said = await cqar.refused("--key", key, "asset", "rm", "BTC", "--yes", code=5)
    assert "give a key that may make changes" in said


async def test_lists_of_more_than_a_page_are_whole_and_named(cqar: Typist, stack: Stack) -> None:
    count = 1_005
    ids = sorted(str(uuid.uuid4()) for _ in range(count))
    items = [
        admin_pb.ApplyItem(
            asset=asset_pb2.Asset(
                asset_id=key,
                symbol=f"MANY{number}",
                name=f"One of many, {number}",
                asset_type=asset_pb2.ASSET_TYPE_NATIVE,
                category="many",
            )
        )
        for number, key in enumerate(ids)
    ]
    held = [venue_asset_of("binance", key, f"CODE{key[:8]}") for key in ids[-25:]]
    metadata = (("x-api-key", stack.endpoints.keys.admin),)
    async with grpc.aio.insecure_channel(stack.endpoints.writer) as channel:
        await RegistryAdminStub(channel).Apply(
            admin_pb.ApplyRequest(items=[*items, *held]), metadata=metadata
        )
    listed = await cqar.json("asset", "list", "--category", "many")
    assert sorted(asset["asset_id"] for asset in listed) == ids
    # People read tickers, not ids.
    assert [asset["symbol"] for asset in listed] == sorted(asset["symbol"] for asset in listed)
    rows = (await cqar.ok("venue-asset", "list", "binance")).out
    for number in range(count - 25, count):
        assert f"\tMANY{number}\t" in rows
    found = await cqar.ok("asset", "search", "MANY", "--limit", "10")
    assert "there are more: give --limit N" in found.err
    assert (await cqar.json("asset", "show", f"MANY{count - 1}"))["asset_id"] == ids[-1]


def venue_asset_of(venue_id: str, asset_id: str, code: str) -> admin_pb.ApplyItem:
    held = venue_asset_pb2.VenueAsset(venue_id=venue_id, asset_id=asset_id, venue_asset_symbol=code)
    return admin_pb.ApplyItem(venue_asset=held)


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 1), ("y", 0, 0)])
async def test_removing_asks_at_a_terminal(
    cqar: Typist, stack: Stack, answer: str, code: int, left: int
) -> None:
    ticker = f"ASKED{answer}"
    await cqar.ok("asset", "add", ticker, "--name", "Asked", "--type", "native")
    near, far = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", "asset", "rm", ticker),
        env={**os.environ, "CQAR_STATE": str(stack.state_dir)},
        stdin=far,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.write(near, f"{answer}\n".encode())
    _, err = await process.communicate()
    os.close(near)
    os.close(far)
    assert f"asset {ticker} will be removed. Continue?" in err.decode()
    assert process.returncode == code
    found = await cqar.json("asset", "search", ticker)
    assert [asset["symbol"] for asset in found].count(ticker) == left


async def test_what_turns_is_shown_before_it_does(cqar: Typist) -> None:
    second = ("asset", "add", "BTC", "--name", "Not Bitcoin", "--type", "native")
    assert f"{cqar.made['BTC']}  Bitcoin" in (await cqar.ok(*second, "--plan")).out
    assert "--yes or --plan" in await cqar.refused(*second, code=2)
    await cqar.ok("asset", "add", "TURN", "--name", "Turn", "--type", "native")
    await cqar.ok("symbol", "add", "TURN", "USDC", "--type", "spot")
    await cqar.ok("listing", "add", "binance", "TURNUSDC", "TURN/USDC", "--tick-size", "0.1")
    await cqar.ok("group", "add", "turns", "--member", "TURN=1")
    raised = ("flag", "raise", "TURN", "exploited", "critical", "--description", "the bridge")
    plan = await cqar.ok(*raised, "--plan")
    for text in ("1 listing: can be opened no more", "binance/TURNUSDC", "turns", "a plan"):
        assert text in plan.out
    assert await cqar.json("flag", "list", "TURN") == []
    assert "--yes or --plan" in await cqar.refused(*raised, code=2)
    assert await cqar.json("flag", "list", "TURN") == []
    # What denies nothing asks nothing.
    await cqar.ok("flag", "raise", "TURN", "low-liquidity", "low", "--description", "thin")
    await cqar.ok(*raised, "--yes")
    assert len(await cqar.json("flag", "list", "TURN")) == 2
    end = ("listing", "rm", "binance", "TURNUSDC")
    assert "1 listing: end" in (await cqar.ok(*end, "--plan")).out
    await cqar.ok("listing", "show", "binance", "TURNUSDC")
    halt = ("venue", "set", "binance", "--no-active")
    assert "binance/TURNUSDC" in (await cqar.ok(*halt, "--plan")).out
    assert "--yes or --plan" in await cqar.refused(*halt, code=2)
    assert (await cqar.json("venue", "show", "binance"))["is_active"] is True
