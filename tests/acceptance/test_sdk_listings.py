"""Two venues' full listings through the SDK: client and replica agree, and ccxt takes them."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Any, Final

import ccxt
import pytest

import cqar
from cqar.importer.market import Market
from cqar.sdk.sync_api import SyncApi
from cqar_shared.domain.kinds.venue_symbol import ACTIVE
from tests.acceptance.conftest import Stack, saved
from tests.acceptance.listed_markets import listed_markets
from tests.support.sdk_setup import without_age

WAIT_S: Final = 120.0
BINANCE: Final = ("binance", "spot_exchangeInfo_2022-11-28.json")
KRAKEN: Final = ("kraken", "AssetPairs_2025-06-11.json")
USDM: Final = ("binance", "usdm_exchangeInfo_2021-07-22.json")
IMPORTS: Final = {
    "binance": ("exchangeInfo", BINANCE, "2022-11-28", ()),
    "kraken": ("AssetPairs", KRAKEN, "2025-06-11", ()),
    "binance-usdm": ("exchangeInfo", USDM, "2021-07-22", ("--multiplier", "1000SHIB=SHIB:1000")),
}


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    await stack.ok("catalogue", "load", "--no-listings")
    for venue, (name, parts, at, more) in IMPORTS.items():
        file = f"{name}={saved(*parts)}"
        await stack.ok("import", venue, "--file", file, "--at", at, *more)
    return stack


def opened(stack: Stack, form: str) -> Any:
    ends = stack.endpoints
    if form == "client":
        return cqar.Client(ends.resolvers[1], timeout_s=WAIT_S)
    return cqar.Replica(ends.postgres, ends.nats, timeout_s=WAIT_S)


async def run_with(stack: Stack, form: str, work: Any) -> Any:
    """Run `work` with a client or a replica, in a thread."""
    newest = cqar.Position(1, await stack.revision())

    def run() -> Any:
        with opened(stack, form) as api:
            api.wait_ready(WAIT_S)
            api.carry(newest)
            return work(api)

    return await asyncio.to_thread(run)


def everything(api: SyncApi) -> dict[str, Any]:
    """Every spelling of both venues, all that is known of it, and the way back from it."""
    found: dict[str, Any] = {}
    for venue in ("binance", "kraken"):
        spellings = api.listed(venue)
        resolved = api.resolve_batch([(venue, one.venue_symbol) for one in spellings])
        found[venue] = without_age(resolved)
        for one in resolved[::50]:
            assert isinstance(one, cqar.Resolution)
            back = api.venue_symbols(one.symbol.symbol_id)
            found[f"{venue} {one.venue_symbol}"] = without_age(back)
            assert (venue, one.venue_symbol) in [(b.venue_id, b.venue_symbol) for b in back]
    return found


async def test_client_and_replica_give_equal_answers_for_all_that_two_venues_list(
    registry: Stack,
) -> None:
    client = await run_with(registry, "client", everything)
    replica = await run_with(registry, "replica", everything)
    assert client == replica
    for venue, parts in (("binance", BINANCE), ("kraken", KRAKEN)):
        raw = listed_markets(venue, IMPORTS[venue][0], saved(*parts))
        resolved = {one["venue_symbol"]: one for one in client[venue]}
        assert raw.keys() <= resolved.keys()
        for spelling, listing in raw.items():
            specs = resolved[spelling]["specs"]
            steps = (specs["tick_size"], specs["lot_size"])
            assert steps == (listing.tick_size, listing.lot_size)


def markets_of(venue: str) -> Any:
    return lambda api: cqar.ccxt_markets(venue, api)


@pytest.mark.parametrize(
    ("venue", "exchange", "parts"),
    [
        ("binance", ccxt.binance, BINANCE),
        ("kraken", ccxt.kraken, KRAKEN),
        ("binance-usdm", ccxt.binanceusdm, USDM),
    ],
)
@pytest.mark.parametrize("form", ["client", "replica"])
async def test_ccxt_rounds_on_the_steps_of_every_market_that_the_bridge_gives_it(
    registry: Stack, venue: str, exchange: Any, parts: tuple[str, str], form: str
) -> None:
    markets = await run_with(registry, form, markets_of(venue))
    configured = exchange()
    configured.set_markets(markets)
    raw: dict[str, Market] = listed_markets(venue, IMPORTS[venue][0], saved(*parts))
    # A dated contract of a file of years ago has ended at its expiry, and is listed no more.
    now = dt.datetime.now(dt.UTC)
    listed = {spelling for spelling, m in raw.items() if m.expiry is None or m.expiry > now}
    ids = {market["id"] for market in markets.values()}
    assert ids <= listed
    # XZCUSDT was halted when the coin got the ticker FIRO, and is no market beside FIROUSDT.
    assert all(raw[other].status not in ACTIVE for other in listed - ids)
    assert len(listed - ids) < len(listed) / 50
    for market in markets.values():
        listing = raw[market["id"]]
        assert configured.market(market["symbol"])["id"] == market["id"]
        assert market["precision"]["price"] == float(listing.tick_size or "nan")
        assert market["precision"]["amount"] == float(listing.lot_size or "nan")
        assert market["active"] == (listing.status in ACTIVE)
        tick, lot = Decimal(listing.tick_size or 0), Decimal(listing.lot_size or 0)
        price = configured.price_to_precision(market["symbol"], f"{tick * 7 + tick / 10:f}")
        amount = configured.amount_to_precision(market["symbol"], f"{lot * 7 + lot / 2:f}")
        assert (Decimal(price), Decimal(amount)) == (tick * 7, lot * 7)


async def test_a_unit_of_a_thousand_is_a_coin_of_its_own_to_ccxt(registry: Stack) -> None:
    markets = await run_with(registry, "client", markets_of("binance-usdm"))
    shib = markets["1000SHIB/USDT:USDT"]
    assert (shib["id"], shib["base"], shib["contractSize"]) == ("1000SHIBUSDT", "1000SHIB", 1.0)
    assert shib["info"]["unit_multiplier"] == "1000"
    assert "SHIB/USDT:USDT" not in markets
