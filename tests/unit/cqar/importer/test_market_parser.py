"""What an import takes from a venue's files, where ccxt alone would take another thing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market_parser import VenueListing, read_listing
from cqar.importer.parsed_market import ParsedMarket, UnreadableListing
from cqar.importer.recorded_responses import SavedResponse, matches
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from tests.unit.cqar.importer.test_raw_listings import VENUE_FILES, needs_data

pytestmark = needs_data

USDM: Any = ("binance-usdm", "binanceusdm", ["swap", "future"])
GATE: Any = ("gate-usdt", "gate", ["swap"])


def read(venue: Any, request: str, name: str, contracts: str | None = None) -> VenueListing:
    return read_listing(*venue, [SavedResponse(request, VENUE_FILES / f"{name}.json")], contracts)


def by_spelling(listing: VenueListing) -> dict[str, ParsedMarket]:
    return {market.spelling: market for market in listing.markets}


def test_contracts_that_pay_otherwise_are_another_venues() -> None:
    with pytest.raises(
        UnreadableListing, match=r"18 inverse (swap|future) markets are not its own"
    ):
        read(USDM, "exchangeInfo", "binance/coinm_exchangeInfo_2021-07-22", "linear")
    coinm = ("binance-coinm", "binancecoinm", ["swap", "future"])
    with pytest.raises(UnreadableListing, match="linear swap markets are not its own"):
        read(coinm, "exchangeInfo", "binance/usdm_exchangeInfo_2021-07-22", "inverse")
    own = read(USDM, "exchangeInfo", "binance/usdm_exchangeInfo_2021-07-22", "linear")
    assert (len(own.markets), own.other_types) == (122, {})


def test_a_spot_answer_of_bybits_that_holds_an_option_is_refused() -> None:
    name = "bybit/fixture_recent_instruments_option"
    with pytest.raises(UnreadableListing, match="it is no spot market: its optionsType is Put"):
        read(("bybit", "bybit", ["spot"]), "instruments-info?category=spot", name)


def test_an_option_of_okx_is_on_its_value_times_its_multiplier() -> None:
    name = "okx/instruments_OPTION_BTC-USD_2022-05-13"
    listing = read(("okx", "okx", ["option"]), "instruments?instType=OPTION", name)
    assert {market.contract_size for market in listing.markets} == {Decimal("0.1")}


def test_contracts_of_gate_state_their_minimum_and_that_they_are_going() -> None:
    listing = read(GATE, "contracts", "gate/futures_usdt_contracts_2023-05-24", "linear")
    assert [m.spelling for m in listing.markets if m.min_order_size is None] == []
    going = by_spelling(listing)["COCOS_USDT"]
    assert going.status is MarketStatusCode.REDUCE_ONLY


def test_coinbase_stated_both_bounds_of_an_order() -> None:
    coinbase = ("coinbase", "coinbaseexchange", ["spot"])
    listing = read(coinbase, "products", "coinbase/exchange_products_2021-04-17")
    for market in listing.markets:
        assert market.min_order_size == Decimal(market.raw["base_min_size"])
        assert market.max_order_size == Decimal(market.raw["base_max_size"])


def test_a_file_may_say_when_it_was_taken() -> None:
    spot = ("binance", "binance", ["spot"])
    listing = read(spot, "exchangeInfo", "binance/spot_exchangeInfo_2021-10-12")
    assert listing.taken_at is not None
    assert listing.taken_at.date() == dt.date(2021, 10, 12)
    kraken = ("kraken", "kraken", ["spot"])
    assert read(kraken, "AssetPairs", "kraken/AssetPairs_2021-04-17").taken_at is None


def test_what_a_record_says_to_be_no_coin_is_none() -> None:
    name = "binance/testnet_usdm_exchangeInfo_2025-12-24"
    listing = read(USDM, "exchangeInfo", name, "linear")
    told = {m.spelling: m.underlying_class for m in listing.markets if m.underlying_class}
    assert Counter(told.values()) == {"INDEX": 4, "EQUITY": 1, "COMMODITY": 1}
    assert told["BTCDOMUSDT"] == "INDEX"
    linear = ("bybit-linear", "bybit", ["swap", "future"])
    name = "bybit/fixture_recent_instruments_linear_symbol_type"
    (market,) = read(linear, "instruments-info?category=linear", name).markets
    assert market.underlying_class == market.raw["symbolType"].upper()


def test_a_file_answers_a_request_that_ends_with_a_slash() -> None:
    assert matches("v2/markets", "https://www.bitstamp.net/api/v2/markets/")
    assert not matches("markets", "https://www.bitstamp.net/api/v2/supermarkets/")
