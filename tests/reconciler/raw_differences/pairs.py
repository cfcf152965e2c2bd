"""Dated files of one product line, in the order of their dates."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

from tests.readers import files_a, files_b
from tests.readers.listing_files import Listing


class Pair(NamedTuple):
    """Two answers to one request, in the order of their times.

    Attributes:
        least: So many differences there are, at least: a pair that says nothing proves nothing.
    """

    before: Listing
    after: Listing
    least: int

    @property
    def name(self) -> str:
        return f"{self.before.venue_id}: {dated(self.before):%Y-%m-%d} to {self.after.file}"


#: Files that do not have their day in their name: PROVENANCE.md says when they were taken.
_TAKEN: Final = {
    "bitstamp/trading_pairs_info_recent.json": "2026-08-01",
    "gemini/symbols_details_all_recent.json": "2026-08-01",
}


_LISTINGS: Final = (*files_a.LISTINGS, *files_b.LISTINGS)


def dated(listing: Listing) -> dt.datetime:
    parts = listing.file.removesuffix(".json").replace("_part1", "").split("_")
    day = _TAKEN.get(listing.file) or next(part for part in parts if part.count("-") == 2)
    return dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)


def _pair(venue_id: str, before: str, after: str, least: int) -> Pair:
    pair = Pair(listing_named(before), listing_named(after), least)
    assert (pair.before.venue_id, pair.after.venue_id) == (venue_id, venue_id)
    return pair


def listing_named(file: str) -> Listing:
    """The listing in a file that holds one only."""
    (listing,) = (each for each in _LISTINGS if each.file == file)
    return listing


_SPOT: Final = "binance/spot_exchangeInfo"
_USDM: Final = "binance/usdm_exchangeInfo"
_COINM: Final = "binance/coinm_exchangeInfo"
_TESTNET: Final = "binance/testnet_usdm_exchangeInfo"
_GATE: Final = "gate/futures_usdt_contracts"
_BYBIT: Final = "bybit/linear_instruments"
_OKX: Final = "okx/instruments_SWAP"
_COINBASE: Final = "coinbase/exchange_products"
_BITMEX: Final = "bitmex/instrument_active"

PAIRS: Final = (
    _pair("binance", f"{_SPOT}_2021-10-12.json", f"{_SPOT}_2022-11-28.json", 2_000),
    _pair("binance", f"{_SPOT}_2022-11-28.json", f"{_SPOT}_2024-09-08.json", 1_000),
    _pair("binance", f"{_SPOT}_2024-09-08.json", f"{_SPOT}_2025-08-07_25symbols.json", 10),
    _pair("binance-usdm", f"{_USDM}_2021-07-22.json", f"{_USDM}_2022-05-04.json", 50),
    _pair("binance-usdm", f"{_USDM}_2022-05-04.json", f"{_USDM}_2024-09-10.json", 50),
    _pair("binance-usdm", f"{_USDM}_2024-09-10.json", f"{_USDM}_2024-12-13.json", 50),
    _pair("binance-usdm", f"{_USDM}_2024-12-13.json", f"{_USDM}_2025-08-22.json", 50),
    _pair(
        "binance-usdm-testnet",
        f"{_TESTNET}_2025-01-09.json",
        f"{_TESTNET}_2025-12-24.json",
        50,
    ),
    _pair("binance-coinm", f"{_COINM}_2021-07-22.json", f"{_COINM}_2025-08-07_25symbols.json", 10),
    _pair("bybit-linear", f"{_BYBIT}_2025-01-23_incomplete.json", f"{_BYBIT}_2025-09-21.json", 50),
    _pair("okx", f"{_OKX}_2022-05-13.json", f"{_OKX}_2025-10-02_part1.json", 50),
    _pair("kraken", "kraken/AssetPairs_2021-04-17.json", "kraken/AssetPairs_2025-06-11.json", 50),
    _pair("coinbase", f"{_COINBASE}_2021-04-17.json", f"{_COINBASE}_2024-04-22.json", 50),
    _pair("gate-usdt", f"{_GATE}_2023-05-24.json", f"{_GATE}_2024-12-02.json", 50),
    _pair(
        "bitstamp",
        "bitstamp/trading_pairs_info_2022-01-05.json",
        "bitstamp/trading_pairs_info_recent.json",
        20,
    ),
    _pair(
        "gemini",
        "gemini/symbols_details_2021-06-24.json",
        "gemini/symbols_details_all_recent.json",
        20,
    ),
    _pair(
        "upbit", "upbit/market_all_2021-04-17.json", "upbit/market_all_details_2025-07-27.json", 50
    ),
    _pair("bitmex", f"{_BITMEX}_2021-07-22.json", f"{_BITMEX}AndIndices_2022-11-22.json", 10),
)
