"""What is read beside listings, through the whole stack: prices are kept, codes are described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.conftest import Stack, saved

AT: Final = "2022-11-22T00:51:00Z"
LISTING: Final = ("binance", "spot_exchangeInfo_2022-11-28.json")
TICKERS: Final = ("binance", "spot_ticker_24hr_2022-11-22.json")
CURRENCIES: Final = [
    {
        "currency": "USDT",
        "name": "Tether",
        "chains": [
            {
                "name": "ETH",
                "addr": "0xdac17f958d2ee523a2206206994597c13d831ec7",
                "withdraw_disabled": False,
                "deposit_disabled": True,
            },
            {"name": "a chain of nobody's", "addr": "tether.token", "deposit_disabled": False},
        ],
    },
    {"currency": True},
]


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    await stack.ok("catalogue", "load", "--no-listings")
    return stack


async def import_priced(stack: Stack) -> Any:
    files = ("--file", f"exchangeInfo={saved(*LISTING)}")
    prices = ("--prices", f"ticker/24hr={saved(*TICKERS)}")
    return (await stack.ok("import", "binance", *files, *prices, "--at", AT, "--json")).document


async def test_prices_are_kept_with_the_assets_and_only_once(registry: Stack) -> None:
    first = await import_priced(registry)
    assert first["applied"]["rejected"] == []
    assert first["prices"]["outcomes"]["PRICED"] == 1440
    assert first["prices"]["sources"][0]["taken_at"].startswith("2022-11-22T00:51:02")
    stored = first["prices"]["stored"]
    assert stored > 300
    window = {"taken_from": AT, "taken_until": "2022-11-22T00:52:00Z", "page_size": 1000}
    listed = (await registry.ok("call", "ListAssetPrices", json.dumps(window))).document
    assert len(listed["prices"]) == stored
    again = await import_priced(registry)
    assert again["prices"]["stored"] == 0
    assert again["applied"]["created"] == again["applied"]["updated"] == 0


async def test_a_list_of_currencies_describes_the_codes(registry: Stack, tmp_path: Path) -> None:
    path = tmp_path / "currencies.json"
    path.write_text(json.dumps(CURRENCIES))
    pairs = saved("gate", "spot_currency_pairs_2021-04-22.json")
    files = ("--file", f"currency_pairs={pairs}", "--file", f"currencies={path}")
    document = (
        await registry.ok("import", "gate", *files, "--at", "2021-04-22", "--json")
    ).document
    assert document["applied"]["rejected"] == []
    assert document["currencies"]["outcomes"] == {"CURRENCY": 1, "UNREADABLE": 1}
    assert document["currencies"]["unreadable"][0]["name"] == "#2"
    asked = json.dumps({"venue_id": "gate"})
    held = (await registry.ok("call", "ListVenueAssets", asked)).document["venue_assets"]
    (tether,) = (code for code in held if code["venue_asset_symbol"] == "USDT")
    assert tether["name"] == "Tether"
    known, unknown = tether["networks"]
    assert (known["network"], known["chain_id"]) == ("ETH", "ethereum")
    assert known["withdraw_enabled"] is True
    assert "chain_id" not in unknown
    assert "contract_address" not in unknown


async def test_prices_are_for_files_of_tickers_alone(registry: Stack) -> None:
    listing = f"exchangeInfo={saved(*LISTING)}"
    ran = await registry.ok(
        "import", "binance", "--file", listing, "--prices", listing, "--at", AT, "--json"
    )
    assert "exchangeInfo: no request reads this file" in ran.document["notes"]
    refused = await registry.cqar("import", "binance", "--live", "--prices", listing)
    assert "leave out --prices" in refused.err


async def test_requests_say_what_they_are_of(registry: Stack) -> None:
    ran = await registry.ok("import", "kucoin", "--requests", "--json")
    named = {row["file_name"]: (row["of"], row["option"]) for row in ran.document["requests"]}
    assert named["v3/currencies"] == ("currencies", "--file")
    assert named["market/allTickers"] == ("prices", "--prices")
    ran = await registry.ok("import", "binance", "--requests", "--json")
    (private,) = (row for row in ran.document["requests"] if row["is_private"])
    assert private["of"] == "currencies"
