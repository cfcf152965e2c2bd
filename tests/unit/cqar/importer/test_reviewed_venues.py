"""What is said to be reviewed was: rows are read as an independent reading has them."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from cqar.importer.market_parser import VenueListing, read_listing
from cqar.importer.recorded_responses import SavedResponse
from cqar.importer.reviewed_venues import REVIEWED
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from tests.acceptance import raw_listings
from tests.unit.cqar.importer.test_raw_listings import VENUE_FILES, needs_data

pytestmark = needs_data

CONTRACTS: Final = ("swap", "future")
#: ccxt's id, the oracle's venue, types, request, file.
FILES: Final = [
    ("binance", "binance", ("spot",), "exchangeInfo", "binance/spot_exchangeInfo_2021-10-12"),
    ("binance", "binance", ("spot",), "exchangeInfo", "binance/spot_exchangeInfo_2022-11-28"),
    ("binance", "binance", ("spot",), "exchangeInfo", "binance/spot_exchangeInfo_2024-09-08"),
    (
        *("binance", "binance", ("spot",), "exchangeInfo"),
        "binance/spot_exchangeInfo_2025-08-07_25symbols",
    ),
    (
        *("binanceusdm", "binance-usdm", CONTRACTS, "exchangeInfo"),
        "binance/usdm_exchangeInfo_2021-07-22",
    ),
    (
        *("binanceusdm", "binance-usdm", CONTRACTS, "exchangeInfo"),
        "binance/usdm_exchangeInfo_2025-08-07_25symbols",
    ),
    (
        *("binancecoinm", "binance-coinm", CONTRACTS, "exchangeInfo"),
        "binance/coinm_exchangeInfo_2021-07-22",
    ),
    (
        *("binancecoinm", "binance-coinm", CONTRACTS, "exchangeInfo"),
        "binance/coinm_exchangeInfo_2025-08-07_25symbols",
    ),
    ("binanceus", "binanceus", ("spot",), "exchangeInfo", "binanceus/spot_exchangeInfo_2021-10-12"),
    (
        "coinbaseexchange",
        "coinbase",
        ("spot",),
        "products",
        "coinbase/exchange_products_2021-04-17",
    ),
    ("gate", "gate", ("spot",), "spot/currency_pairs", "gate/spot_currency_pairs_2021-04-22"),
    ("htx", "htx", ("spot",), "common/symbols", "huobi/common_symbols_2021-04-17"),
    ("kraken", "kraken", ("spot",), "AssetPairs", "kraken/AssetPairs_2021-04-17"),
    ("kraken", "kraken", ("spot",), "AssetPairs", "kraken/AssetPairs_2025-06-11"),
    ("kucoin", "kucoin", ("spot",), "symbols", "kucoin/symbols_2021-04-25"),
    ("okx", "okx", ("spot",), "instruments?instType=SPOT", "okx/instruments_SPOT_2022-05-13"),
    ("okx", "okx", ("swap",), "instruments?instType=SWAP", "okx/instruments_SWAP_2022-05-13"),
    (
        *("okx", "okx", ("future",), "instruments?instType=FUTURES"),
        "okx/instruments_FUTURES_2022-05-13",
    ),
]


def listing_of(ccxt_id: str, types: tuple[str, ...], request: str, name: str) -> VenueListing:
    saved = [SavedResponse(request, VENUE_FILES / f"{name}.json")]
    return read_listing(ccxt_id, ccxt_id, types, saved)


@pytest.mark.parametrize(
    ("ccxt_id", "oracle", "types", "request_name", "name"), FILES, ids=[row[-1] for row in FILES]
)
def test_a_reviewed_reading_is_the_records_own(
    ccxt_id: str, oracle: str, types: tuple[str, ...], request_name: str, name: str
) -> None:
    listing = listing_of(ccxt_id, types, request_name, name)
    assert listing.rejected == []
    read = {
        market.spelling: tuple(
            entity_diff.value_text(value) or None
            for value in (market.tick_size, market.lot_size, market.min_order_size, market.status)
        )
        for market in listing.markets
    }
    raw = raw_listings.read(oracle, VENUE_FILES / f"{name}.json")
    assert read == {
        row.spelling: (row.tick_size, row.lot_size, row.min_order_size, row.status) for row in raw
    }
    assert all(market.is_reviewed for market in listing.markets)


def test_every_reading_that_is_said_to_be_reviewed_is_compared_here() -> None:
    compared: dict[str, set[SymbolTypeCode]] = {}
    for ccxt_id, _, types, request, name in FILES:
        found = listing_of(ccxt_id, types, request, name).markets
        compared.setdefault(ccxt_id, set()).update(market.symbol_type for market in found)
    assert compared == REVIEWED


#: Of files: what ccxt states and no record does, and in how many rows no field tells a status.
MADE_UP: Final[list[tuple[Any, str, dict[str, int], int]]] = [
    (
        ("upbit", ("spot",), "market/all"),
        "upbit/market_all_2021-04-17",
        {"tick_size": 294, "lot_size": 294},
        294,
    ),
    (
        ("upbit", ("spot",), "market/all"),
        "upbit/market_all_details_2025-07-27",
        {"tick_size": 536, "lot_size": 536},
        536,
    ),
    (
        ("gate", ("spot",), "spot/currency_pairs"),
        "gate/spot_currency_pairs_2021-04-22",
        {"min_order_size": 1444},
        0,
    ),
    (
        ("coinbaseexchange", ("spot",), "products"),
        "coinbase/exchange_products_2021-04-17",
        {"min_notional": 162},
        0,
    ),
    (("coinbaseexchange", ("spot",), "products"), "coinbase/exchange_products_2024-04-22", {}, 0),
    (("kucoin", ("spot",), "symbols"), "kucoin/symbols_2021-04-25", {"min_notional": 634}, 0),
    (
        ("bitget", ("swap",), "mix/market/contracts"),
        "bitget/docsample_v2_mix_contracts",
        {"contract_size": 1},
        0,
    ),
    (("mexc", ("spot",), "exchangeInfo"), "mexc/exchangeInfo_2025-09-21_part1", {}, 0),
    (("kraken", ("spot",), "AssetPairs"), "kraken/AssetPairs_2021-04-17", {}, 304),
]


@pytest.mark.parametrize(
    ("how", "name", "untraced", "unstated"), MADE_UP, ids=[row[1] for row in MADE_UP]
)
def test_what_ccxt_makes_up_is_not_known(
    how: Any, name: str, untraced: dict[str, int], unstated: int
) -> None:
    found = listing_of(*how, name).markets
    assert Counter(term for market in found for term in market.untraced) == untraced
    assert sum(not market.is_status_stated for market in found) == unstated
    for market in found:
        assert all(getattr(market, term) is None for term in market.untraced)


def test_krakens_tick_is_the_one_that_it_states_and_not_its_decimals(tmp_path: Path) -> None:
    """ETHEUROP has two decimals and a tick of 0.1."""
    pair = {"altname": "ETHEUROP", "wsname": "ETH/EUROP", "base": "XETH", "quote": "EUROP"}
    steps = {"pair_decimals": 2, "lot_decimals": 8, "tick_size": "0.1", "status": "online"}
    path = tmp_path / "AssetPairs.json"
    path.write_text(json.dumps({"error": [], "result": {"ETHEUROP": pair | steps}}))
    (market,) = read_listing(
        "kraken", "kraken", ["spot"], [SavedResponse("AssetPairs", path)]
    ).markets
    assert market.tick_size == Decimal("0.1")


def test_kucoins_minimum_of_any_order_is_its_min_funds(tmp_path: Path) -> None:
    answer = json.loads((VENUE_FILES / "kucoin/docsample_v2_symbols.json").read_bytes())
    answer["data"][0] |= {"quoteMinSize": "5", "minFunds": "0.1"}
    path = tmp_path / "symbols.json"
    path.write_text(json.dumps(answer))
    (market,) = read_listing("kucoin", "kucoin", ["spot"], [SavedResponse("symbols", path)]).markets
    assert market.min_notional == Decimal("0.1")


def test_what_documentation_alone_says_is_named_and_not_untraced() -> None:
    """A USD-M contract is one unit of the base: no field of the record says so."""
    name = "binance/usdm_exchangeInfo_2021-07-22"
    found = listing_of("binanceusdm", CONTRACTS, "exchangeInfo", name).markets
    assert {market.contract_size for market in found} == {1}
    assert not any(market.untraced for market in found)
