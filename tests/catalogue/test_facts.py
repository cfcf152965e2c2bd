"""Each fact of the catalogue stands in two public files; `python -m tests.catalogue` says in which.

What only one file covers is named in `exceptions` with the reason; the lists are exact, so that
one that is no longer needed fails, too.
"""

from __future__ import annotations

import csv
from collections import Counter
from typing import Any

import pytest

from cqar import catalogue
from tests.catalogue import exceptions, standing
from tests.catalogue.evidence import evidence, names_of, tickers_of
from tests.catalogue.fact_files import DATA, plain_name
from tests.catalogue.namesakes import another_coin, false_friends, rotki_says_otherwise


def _in_fewer_than(files: int, found: standing.Standing) -> set[str]:
    return {fact for fact, in_files in found.items() if len(in_files) < files}


@pytest.mark.parametrize(
    ("kind", "excused"),
    [
        (standing.tickers, exceptions.TICKERS),
        (standing.names, exceptions.NAMES),
        (standing.contracts, {}),
        (standing.identifiers, {}),
        (standing.followers, exceptions.SUCCESSIONS),
        (standing.former_tickers, {}),
        (standing.other_names, exceptions.OTHER_NAMES),
        (standing.multipliers, exceptions.MULTIPLIERS),
    ],
)
def test_a_fact_stands_in_two_files(kind: Any, excused: dict[str, str]) -> None:
    assert _in_fewer_than(2, kind()) == excused.keys()


def test_what_only_one_file_can_say_stands_in_it() -> None:
    assert _in_fewer_than(1, standing.registered()) == set()
    assert _in_fewer_than(1, standing.own_coins()) == set()
    assert _in_fewer_than(1, standing.names_of_others()) == exceptions.NAMES_OF_OTHERS.keys()


def test_every_file_that_states_a_contracts_decimals_states_the_same() -> None:
    assert standing.other_decimals() == []


def test_the_catalogue_is_as_large_as_it_says() -> None:
    assets = catalogue.read_table("assets")
    classes = Counter(row["class"] for row in assets)
    assert classes["CRYPTO"] > 500
    assert classes["FIAT"] >= 30
    assert classes["EQUITY"] + classes["FUND"] + classes["COMMODITY"] >= 60
    followed = len(standing.followers()) + len(standing.former_tickers())
    assert followed + len(_reused_codes()) >= 60
    assert sum(row["unambiguous_ticker"] for row in assets) >= 300


def _reused_codes() -> list[tuple[str, str]]:
    """Operator and code that meant one asset until a day and another one since."""
    ended = {(r["venue"], r["code"]) for r in catalogue.read_table("venue_assets") if r["until"]}
    begun = {(r["venue"], r["code"]) for r in catalogue.read_table("venue_assets") if r["since"]}
    return sorted(ended & begun)


def test_no_ticker_of_two_coins_is_marked_as_unambiguous() -> None:
    known = evidence()
    coins = [one for one in known.values() if one.row["class"] in ("CRYPTO", "FIAT")]
    counts = Counter(ticker for one in coins for ticker in tickers_of(one.row))
    sharing = frozenset(ticker for ticker, count in counts.items() if count > 1)
    for one in coins:
        ticker = one.row["symbol"]
        if not one.row["unambiguous_ticker"]:
            continue
        assert ticker.upper() not in sharing | false_friends()
        if one.row["class"] == "CRYPTO":
            same = f": {exceptions.SAME_COIN.get(ticker, ticker)}"
            signs = [sign for sign in another_coin(one, sharing) if not sign.endswith(same)]
            assert signs == [], ticker


def test_no_share_fund_or_commodity_is_marked() -> None:
    marked = {r["class"] for r in catalogue.read_table("assets") if r["unambiguous_ticker"]}
    assert marked == {"CRYPTO", "FIAT"}


#: Codes of ccxt's unification that are not the tickers here -> the asset.
_CCXT_NAMES = {
    ("bitfinex", "YGG"): "yggdrash",
    ("kucoin", "BIFI"): "bifi",
    ("kraken", "REP"): "augur-v1",
    ("gate", "RAI"): "rai-reflex-index",
    ("gate", "GTC"): "game-com",
    ("htx", "GTC"): "game-com",
    ("gate", "MPH"): "morpher",
    ("gate", "VAI"): "vaiot",
    ("kucoin", "VAI"): "vaiot",
    ("upbit", "TON"): "tokamak-network",
    ("kraken", "XREP"): "augur-v1",
    ("binance", "BCC"): "bitcoin-cash",
    ("gate", "SBTC"): "super-bitcoin",
    ("htx", "SBTC"): "super-bitcoin",
    ("htx", "SOUL"): "soulsaver",
    ("htx", "PNT"): "penta",
    ("gate", "HIT"): "hitchain",
    ("htx", "HIT"): "hitchain",
    ("bitget", "JADE"): "jade-protocol",
}


def _coinbases_names() -> dict[str, set[str]]:
    """Code -> what Coinbase calls it, as QuantConnect has read it."""
    found: dict[str, set[str]] = {}
    for edition in ("2025-01-14", "2025-08-07"):
        path = DATA / f"identifiers/lean_symbol_properties/crypto_{edition}.csv"
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row["market"] == "coinbase":
                    code, name = row["market_ticker"].split("-")[0], row["description"]
                    found.setdefault(code, set()).add(name.rpartition("-")[0])
    return found


def test_coinbases_codes_are_called_there_what_the_assets_are_called() -> None:
    called, judged = _coinbases_names(), 0
    for row in catalogue.read_table("venue_assets"):
        said = {plain_name(name) for name in called.get(row["code"], ())}
        said -= {plain_name(row["code"])}
        if row["venue"] == "coinbase" and said and row["until"] is None:
            judged += 1
            assert said & names_of(evidence()[row["asset"]].row), row
    assert judged >= 30


def test_codes_mean_what_ccxt_and_rotki_say_where_they_say_it() -> None:
    unified: dict[tuple[str, str], str] = {}
    with (DATA / "identifiers/ccxt_common_currencies.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            unified[row["exchange"], row["venue_code"]] = row["unified_code"]
    judged = 0
    for row in catalogue.read_table("venue_assets"):
        known = evidence()[row["asset"]]
        for code in (row["code"], *row["other_codes"]):
            key = (row["venue"], code.upper())
            if key in unified and row["until"] is None:
                judged += 1
                named = _CCXT_NAMES.get(key)
                assert named == row["asset"] or unified[key].upper() in tickers_of(known.row), key
            said = [] if row["until"] else rotki_says_otherwise(known, row["venue"], code)
            assert set(said) <= {exceptions.SAME_COIN.get(known.row["symbol"])}, key
    assert judged >= 50
