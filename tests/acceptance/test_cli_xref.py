"""`cqar xref`: from any identifier to all others, and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.conftest import Stack
from tests.support.commits import eventually

WAIT_S = 60.0
TETHER = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
ON_ETHEREUM = f"caip19:eip155:1/erc20:{TETHER}"
FIGI = "BBG000BLNQ16"


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    """The catalogue, more identifiers of two assets, and a symbol with a FIGI."""
    await stack.ok("catalogue", "load")
    for line in (
        ("identifier", "add", "asset", "BTC", "cfi", "TTXXXX"),
        ("identifier", "add", "asset", "USDT", "cfi", "TTXXXX"),
        ("identifier", "add", "symbol", "BTC/USDT", "figi", FIGI),
    ):
        await stack.ok(*line)

    async def has_all() -> bool:
        return (await stack.cqar("xref", f"figi:{FIGI}")).code == 0

    await eventually(has_all, WAIT_S)
    return stack


async def document(registry: Stack, name: str) -> Any:
    return (await registry.ok("xref", name, "--json")).document


@pytest.mark.parametrize("name", ["USDT", "coingecko:tether", ON_ETHEREUM, ON_ETHEREUM.lower()])
async def test_every_name_of_an_asset_leads_to_all_of_them(registry: Stack, name: str) -> None:
    found = await document(registry, name)
    assert found["asset"]["symbol"] == "USDT"
    assert {"source": "coingecko", "external_id": "tether", "is_primary": True} in found[
        "identifiers"
    ]
    on_chains = [row["caip19"] for row in found["deployments"]]
    assert ON_ETHEREUM.removeprefix("caip19:") in on_chains
    assert None not in on_chains
    codes = {(row["venue_id"], row["code"]) for row in found["codes"]}
    assert {("kraken", "USDT"), ("binance", "USDT")} <= codes


async def test_every_name_that_is_printed_leads_back(registry: Stack) -> None:
    ether = await document(registry, "ETH")
    names = [row["caip19"] for row in ether["deployments"]]
    assert {"eip155:1/slip44:60", "eip155:8453/slip44:60"} <= set(names)
    for name in names:
        assert (await document(registry, f"caip19:{name}"))["asset"] == ether["asset"]
    bitcoin = await document(registry, "dti:4H95J0R2X")
    assert bitcoin["deployments"][0]["caip19"].endswith("/slip44:0")


async def test_a_symbol_is_found_by_its_identifier_with_its_spellings(registry: Stack) -> None:
    found = await document(registry, f"figi:{FIGI}")
    assert found["symbol"]["symbol"] == "BTC/USDT"
    spelled = {(row["venue_id"], row["venue_symbol"]) for row in found["spellings"]}
    assert ("binance", "BTCUSDT") in spelled
    shown = await registry.ok("symbol", "show", "--source", "figi", "--external-id", FIGI, "--json")
    assert shown.document["symbol"] == "BTC/USDT"
    assert "BTCUSDT" in (await registry.ok("xref", f"figi:{FIGI}")).out


async def test_an_identifier_that_many_share_lists_them(registry: Stack) -> None:
    found = await document(registry, "cfi:TTXXXX")
    assert {asset["symbol"] for asset in found["assets"]} == {"BTC", "USDT"}
    assert found["symbols"] == []
    assert "Bitcoin" in (await registry.ok("xref", "cfi:TTXXXX")).out


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("dti:4H95J0R2T", 2, "its check character is 'T', and that of 4H95J0R2 is 'X'"),
        ("eip155:1/slip44:60", 2, "did you mean caip19:eip155:1/slip44:60"),
        ("figma:1", 2, "no source 'figma': the sources are caip19, cfi"),
        ("caip19:eip155:5/slip44:60", 3, "no chain 'eip155:5'"),
        (ON_ETHEREUM[:-1] + "8", 2, "its mixed case is no EIP-55 checksum"),
        ("coingecko:nothing", 3, "record it with: cqar identifier add asset ASSET coingecko"),
        ("mic:XNYS", 3, "no asset and no symbol has mic 'XNYS'"),
        ("NOBODY", 3, "no asset has the ticker 'NOBODY'"),
    ],
)
async def test_what_is_wrong_or_unknown_is_said_with_what_to_do(
    registry: Stack, name: str, code: int, text: str
) -> None:
    ran = await registry.cqar("xref", name)
    assert (ran.code, text in ran.err) == (code, True), ran.err


async def test_an_identifier_against_its_standard_is_refused_with_what_is_right(
    registry: Stack,
) -> None:
    ran = await registry.cqar("identifier", "add", "asset", "BTC", "isin", "XTV15WLZJMF1")
    assert ran.code == 1
    assert "its check digit is '1', and that of XTV15WLZJMF is '0'" in ran.err
    taken = await registry.cqar("identifier", "add", "asset", "ETH", "dti", "4H95J0R2X")
    assert (taken.code, "already" in taken.err) == (1, True)
