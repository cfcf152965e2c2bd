"""The oracle of the import tests reads what venues wrote, exactly, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.acceptance.raw_listings import RawListing, plain, read, step_of

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
VENUE_FILES = DATA / "venues"
needs_data = pytest.mark.skipif(
    not VENUE_FILES.is_dir(), reason=f"needs the venues' saved files, absent from {VENUE_FILES}"
)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0.01000000", "0.01"),
        ("1.00000000", "1"),
        ("100", "100"),
        ("1e-8", "0.00000001"),
        ("1E+3", "1000"),
        ("0.1234567890123456789012345678901234567890", "0.123456789012345678901234567890123456789"),
        ("0.00000000", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_written_plainly_and_without_rounding(
    number: str | None, expected: str | None
) -> None:
    assert plain(number) == expected


@pytest.mark.parametrize("number", ["-0.01", "NaN", "Infinity"])
def test_what_can_be_no_step_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="neither a step nor a size"):
        plain(number)


def test_decimals_make_a_step() -> None:
    assert [step_of(n) for n in ("0", "1", "8", "10")] == ["1", "0.1", "0.00000001", "0.0000000001"]


def written(folder: Path, answer: object) -> Path:
    path = folder / "answer.json"
    path.write_text(answer if isinstance(answer, str) else json.dumps(answer))
    return path


def a_binance_symbol(**changes: object) -> dict[str, object]:
    symbol: dict[str, object] = {
        "symbol": "AAABBB",
        "baseAsset": "AAA",
        "quoteAsset": "BBB",
        "status": "TRADING",
        "filters": [
            {"filterType": "LOT_SIZE", "stepSize": "0.00100000", "minQty": "0.02000000"},
            {"filterType": "PRICE_FILTER", "tickSize": "0.05000000", "minPrice": "7.00000000"},
        ],
    }
    return symbol | changes


def a_binance_contract(**changes: object) -> dict[str, object]:
    return a_binance_symbol(deliveryDate=1640937600000, contractType="NEXT_QUARTER") | changes


def test_binance_spot_reads_the_price_and_lot_filters(tmp_path: Path) -> None:
    path = written(tmp_path, {"symbols": [a_binance_symbol()]})
    assert read("binance", path) == [
        RawListing("AAABBB", (), "AAA", "BBB", "0.05", "0.001", "0.02", "ONLINE", "SPOT")
    ]


def test_a_zero_step_is_no_step(tmp_path: Path) -> None:
    filters = [
        {"filterType": "LOT_SIZE", "stepSize": "0.00000000", "minQty": "0.00000000"},
        {"filterType": "PRICE_FILTER", "tickSize": "0.00000000"},
    ]
    [listing] = read("binance", written(tmp_path, {"symbols": [a_binance_symbol(filters=filters)]}))
    assert (listing.tick_size, listing.lot_size, listing.min_order_size) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("TRADING", "ONLINE"),
        ("BREAK", "HALTED"),
        ("HALT", "HALTED"),
        ("PENDING_TRADING", "PREOPEN"),
        ("SETTLING", "HALTED"),
        ("DELIVERING", "HALTED"),
    ],
)
def test_binance_states_a_status_under_either_name(
    tmp_path: Path, status: str, expected: str
) -> None:
    coinm = a_binance_contract(contractStatus=status, symbol="CCCBBB")
    del coinm["status"]
    path = written(tmp_path, {"symbols": [a_binance_symbol(status=status), coinm]})
    assert [listing.status for listing in read("binance-coinm", path)] == [expected, expected]


@pytest.mark.parametrize(
    ("contract_type", "delivery", "kind"),
    [
        ("PERPETUAL", 4133404800000, "PERPETUAL"),
        ("PERPETUAL DELIVERING", 4133404800000, "PERPETUAL"),
        ("", 4133404800000, "PERPETUAL"),
        ("CURRENT_QUARTER", 1640937600000, "FUTURE"),
        ("NEXT_QUARTER", 1648800000000, "FUTURE"),
    ],
)
def test_binance_contracts_are_perpetuals_or_futures(
    tmp_path: Path, contract_type: str, delivery: int, kind: str
) -> None:
    contract = a_binance_contract(contractType=contract_type, deliveryDate=delivery)
    [listing] = read("binance-usdm", written(tmp_path, {"symbols": [contract]}))
    assert listing.kind == kind


def a_kraken_pair(**changes: object) -> dict[str, object]:
    pair: dict[str, object] = {
        "altname": "AAABBB",
        "base": "XAAA",
        "quote": "ZBBB",
        "pair_decimals": 3,
        "lot_decimals": 5,
        "lot_multiplier": 1,
    }
    return pair | changes


def test_kraken_before_2022_counts_decimals_and_states_no_status(tmp_path: Path) -> None:
    pair = a_kraken_pair(wsname="AAA/BBB", ordermin="0.50")
    path = written(tmp_path, {"error": [], "result": {"XAAAZBBB": pair}})
    others = ("AAABBB", "AAA/BBB")
    assert read("kraken", path) == [
        RawListing("XAAAZBBB", others, "XAAA", "ZBBB", "0.001", "0.00001", "0.5", "ONLINE", "SPOT")
    ]


def test_kraken_aliases_are_the_spellings_other_than_the_key(tmp_path: Path) -> None:
    result = {"AAABBB": a_kraken_pair(wsname="AAA/BBB"), "X.d": a_kraken_pair(altname="AAABBB.d")}
    first, dark = read("kraken", written(tmp_path, {"result": result}))
    assert first.aliases == ("AAA/BBB",)
    assert (dark.aliases, dark.min_order_size) == (("AAABBB.d",), None)


def test_krakens_own_tick_size_outranks_its_decimals(tmp_path: Path) -> None:
    result = {"XAAAZBBB": a_kraken_pair(tick_size="0.005")}
    [listing] = read("kraken", written(tmp_path, {"result": result}))
    assert listing.tick_size == "0.005"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("online", "ONLINE"),
        ("cancel_only", "CANCEL_ONLY"),
        ("post_only", "POST_ONLY"),
        ("limit_only", "ONLINE"),
        ("reduce_only", "REDUCE_ONLY"),
    ],
)
def test_kraken_states_a_status(tmp_path: Path, status: str, expected: str) -> None:
    result = {"XAAAZBBB": a_kraken_pair(status=status)}
    [listing] = read("kraken", written(tmp_path, {"result": result}))
    assert listing.status == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ONLINE"),
        ({"limit_only": True}, "ONLINE"),
        ({"post_only": True, "limit_only": True}, "POST_ONLY"),
        ({"cancel_only": True, "post_only": True}, "CANCEL_ONLY"),
        ({"trading_disabled": True, "cancel_only": True}, "HALTED"),
        ({"status": "delisted"}, "HALTED"),
        ({"status": "offline"}, "HALTED"),
    ],
)
def test_coinbase_states_steps_and_the_strictest_of_its_flags(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    flags = dict.fromkeys(("trading_disabled", "cancel_only", "post_only", "limit_only"), False)
    product = {
        "id": "AAA-BBB",
        "base_currency": "AAA",
        "quote_currency": "BBB",
        "quote_increment": "0.01000000",
        "base_increment": "0.1",
        "base_min_size": "5.0",
        "status": "online",
    }
    assert read("coinbase", written(tmp_path, [{**product, **flags, **changes}])) == [
        RawListing("AAA-BBB", (), "AAA", "BBB", "0.01", "0.1", "5", expected, "SPOT")
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("tradable", "ONLINE"), ("untradable", "HALTED"), ("sellable", "REDUCE_ONLY")],
)
def test_gate_counts_decimals_and_may_state_no_minimum(
    tmp_path: Path, status: str, expected: str
) -> None:
    pair = {"base": "AAA", "quote": "BBB", "precision": 9, "trade_status": status}
    rows = [
        pair | {"id": "AAA_BBB", "amount_precision": 0},
        pair | {"id": "BBB_AAA", "amount_precision": 3, "min_base_amount": "0.0001"},
    ]
    terms = [listing[4:] for listing in read("gate", written(tmp_path, rows))]
    assert terms == [
        ("0.000000001", "1", None, expected, "SPOT"),
        ("0.000000001", "0.001", "0.0001", expected, "SPOT"),
    ]


def test_okx_swaps_name_their_coins_in_the_underlying(tmp_path: Path) -> None:
    steps = {"tickSz": "0.10", "lotSz": "1.0000", "minSz": "10", "state": "suspend"}
    spot = {"instId": "AAA-BBB", "instType": "SPOT", "baseCcy": "AAA", "quoteCcy": "BBB", "uly": ""}
    swap = spot | {"instType": "SWAP", "baseCcy": "", "quoteCcy": "", "uly": "AAA-CCC"}
    data = [spot | steps, swap | steps | {"instId": "AAA-CCC-SWAP", "state": "live"}]
    assert read("okx", written(tmp_path, {"data": data})) == [
        RawListing("AAA-BBB", (), "AAA", "BBB", "0.1", "1", "10", "HALTED", "SPOT"),
        RawListing("AAA-CCC-SWAP", (), "AAA", "CCC", "0.1", "1", "10", "ONLINE", "PERPETUAL"),
    ]


def test_kucoin_orders_by_symbol_whatever_the_name_became(tmp_path: Path) -> None:
    row = {
        "symbol": "OLD-BBB",
        "name": "NEW-BBB",
        "baseCurrency": "NEW",
        "quoteCurrency": "BBB",
        "priceIncrement": "0.0001",
        "baseIncrement": "0.01",
        "baseMinSize": "1",
        "enableTrading": False,
    }
    assert read("kucoin", written(tmp_path, {"data": [row]})) == [
        RawListing("OLD-BBB", (), "NEW", "BBB", "0.0001", "0.01", "1", "HALTED", "SPOT")
    ]


@pytest.mark.parametrize(
    ("state", "api", "expected"),
    [
        ("online", "enabled", "ONLINE"),
        ("online", "disabled", "HALTED"),
        ("offline", "enabled", "HALTED"),
        ("pre-online", "enabled", "PREOPEN"),
    ],
)
def test_htx_writes_bare_numbers_that_stay_exact(
    tmp_path: Path, state: str, api: str, expected: str
) -> None:
    row = {
        "symbol": "aaabbb",
        "base-currency": "aaa",
        "quote-currency": "bbb",
        "price-precision": 10,
        "amount-precision": 2,
        "state": state,
        "api-trading": api,
    }
    amount = '"limit-order-min-order-amt": 0.10000000000000000001'
    path = written(tmp_path, f'{{"data": [{json.dumps(row)[:-1]}, {amount}}}]}}')
    minimum = "0.10000000000000000001"
    assert read("htx", path) == [
        RawListing("aaabbb", (), "aaa", "bbb", "0.0000000001", "0.01", minimum, expected, "SPOT")
    ]


@pytest.mark.parametrize(
    ("venue", "answer", "complaint"),
    [
        ("binance", {"symbols": [a_binance_symbol(status="NEW")]}, "NEW"),
        ("binance", {"symbols": [a_binance_symbol(filters=[])]}, "PRICE_FILTER"),
        ("binance", {"symbols": [a_binance_symbol()] * 2}, "AAABBB.* mean two markets"),
        ("binance-usdm", {"symbols": [a_binance_contract(contractType="")]}, "KeyError"),
        ("kraken", {"result": {"A": a_kraken_pair(), "AAABBB": a_kraken_pair()}}, "two markets"),
        ("kraken", '{"result": {"A": {}, "A": {}}}', "occurs twice"),
        ("kraken", {"result": {}}, "no records"),
        ("kraken", {"result": {"A": a_kraken_pair(lot_multiplier=10)}}, "lot multiplier of 10"),
        ("kraken", {"result": {"A": a_kraken_pair(ordermin=float("nan"))}}, "NaN is neither"),
        ("gate", "[null]", "TypeError"),
    ],
)
def test_what_is_not_understood_is_never_passed_over(
    tmp_path: Path, venue: str, answer: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(venue, written(tmp_path, answer))


COINM_2025 = {"ONLINE": 24, "HALTED": 1}
KRAKEN_2025 = {"ONLINE": 1036, "REDUCE_ONLY": 3, "POST_ONLY": 2, "CANCEL_ONLY": 1}
GATE_2021 = {"ONLINE": 1408, "HALTED": 44, "REDUCE_ONLY": 6}
SAVED = [
    ("binance", "binance/spot_exchangeInfo_2021-10-12", {"ONLINE": 1262, "HALTED": 433}),
    ("binance", "binance/spot_exchangeInfo_2022-11-28", {"ONLINE": 1443, "HALTED": 681}),
    ("binance", "binance/spot_exchangeInfo_2025-08-07_25symbols", {"ONLINE": 12, "HALTED": 13}),
    ("binance-usdm", "binance/usdm_exchangeInfo_2021-07-22", {"ONLINE": 121, "PREOPEN": 1}),
    ("binance-usdm", "binance/usdm_exchangeInfo_2025-08-07_25symbols", {"ONLINE": 25}),
    ("binance-coinm", "binance/coinm_exchangeInfo_2021-07-22", {"ONLINE": 36}),
    ("binance-coinm", "binance/coinm_exchangeInfo_2025-08-07_25symbols", COINM_2025),
    ("binanceus", "binanceus/spot_exchangeInfo_2021-10-12", {"ONLINE": 117, "HALTED": 4}),
    ("kraken", "kraken/AssetPairs_2021-04-17", {"ONLINE": 304}),
    ("kraken", "kraken/AssetPairs_2025-06-11", KRAKEN_2025),
    ("coinbase", "coinbase/exchange_products_2021-04-17", {"ONLINE": 162}),
    ("gate", "gate/spot_currency_pairs_2021-04-22", GATE_2021),
    ("okx", "okx/instruments_SPOT_2022-05-13", {"ONLINE": 513}),
    ("okx", "okx/instruments_SWAP_2022-05-13", {"ONLINE": 166}),
    ("okx", "okx/instruments_FUTURES_2022-05-13", {"ONLINE": 104}),
    ("kucoin", "kucoin/symbols_2021-04-25", {"ONLINE": 633, "HALTED": 1}),
    ("htx", "huobi/common_symbols_2021-04-17", {"ONLINE": 883, "HALTED": 55}),
]


def saved(venue: str, name: str) -> list[RawListing]:
    return read(venue, VENUE_FILES / f"{name}.json")


@needs_data
@pytest.mark.parametrize(("venue", "name", "expected"), SAVED, ids=[name for _, name, _ in SAVED])
def test_saved_files_hold_these_markets_each_with_tick_and_lot(
    venue: str, name: str, expected: dict[str, int]
) -> None:
    listings = saved(venue, name)
    assert Counter(listing.status for listing in listings) == expected
    for listing in listings:
        for step in (listing.tick_size, listing.lot_size):
            assert step is not None, listing
            assert format(Decimal(step), "f") == step, listing


@needs_data
@pytest.mark.parametrize(
    ("venue", "name", "unstated"),
    [
        ("kraken", "kraken/AssetPairs_2021-04-17", 11),
        ("kraken", "kraken/AssetPairs_2025-06-11", 0),
        ("coinbase", "coinbase/exchange_products_2021-04-17", 0),
        ("gate", "gate/spot_currency_pairs_2021-04-22", 1444),
    ],
)
def test_saved_files_leave_these_minima_unstated(venue: str, name: str, unstated: int) -> None:
    assert sum(listing.min_order_size is None for listing in saved(venue, name)) == unstated


@needs_data
@pytest.mark.parametrize(
    ("venue", "name", "expected"),
    [
        ("binance-usdm", "binance/usdm_exchangeInfo_2021-07-22", {"PERPETUAL": 120, "FUTURE": 2}),
        ("binance-coinm", "binance/coinm_exchangeInfo_2021-07-22", {"PERPETUAL": 18, "FUTURE": 18}),
        ("okx", "okx/instruments_FUTURES_2022-05-13", {"FUTURE": 104}),
    ],
)
def test_saved_files_hold_these_kinds(venue: str, name: str, expected: dict[str, int]) -> None:
    assert Counter(listing.kind for listing in saved(venue, name)) == expected


@needs_data
def test_kraken_spells_bitcoin_in_dollars_in_three_ways() -> None:
    for name in ("kraken/AssetPairs_2021-04-17", "kraken/AssetPairs_2025-06-11"):
        [listing] = [row for row in saved("kraken", name) if row.spelling == "XXBTZUSD"]
        assert listing.aliases == ("XBTUSD", "XBT/USD")
        assert (listing.base, listing.quote) == ("XXBT", "ZUSD")


@needs_data
def test_binance_spot_changed_this_much_from_2021_to_2022() -> None:
    old, new = (
        {row.spelling: row for row in saved("binance", f"binance/spot_exchangeInfo_{day}")}
        for day in ("2021-10-12", "2022-11-28")
    )
    both = [(old[spelling], new[spelling]) for spelling in old.keys() & new.keys()]
    assert Counter(new[spelling].status for spelling in new.keys() - old.keys()) == {
        "ONLINE": 397,
        "HALTED": 47,
    }
    assert len(old.keys() - new.keys()) == 15
    assert sum(a.tick_size != b.tick_size for a, b in both) == 175
    assert sum(a.lot_size != b.lot_size for a, b in both) == 8
    assert sum(a.min_order_size != b.min_order_size for a, b in both) == 8
    assert Counter((a.status, b.status) for a, b in both if a.status != b.status) == {
        ("ONLINE", "HALTED"): 209,
        ("HALTED", "ONLINE"): 6,
    }
