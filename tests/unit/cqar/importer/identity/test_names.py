"""Full names: the same, unclear or different; never the same for two coins of one ticker."""

from __future__ import annotations

import csv

import pytest

from cqar.importer.identity.names import NameComparison, compare_names, is_name
from tests.cases.case_files import CASES

SAME, UNCLEAR, DIFFERENT = NameComparison


@pytest.mark.parametrize(
    ("ours", "theirs", "ticker", "found"),
    [
        ("Polygon (MATIC)", "polygon", "MATIC", SAME),
        ("SHIBA INU", "Shiba Inu", "SHIB", SAME),
        ("Yield Guild-Games", "Yield Guild Games", "YGG", SAME),
        ("Pump.fun", "PumpFun", "PUMP", SAME),
        ("Litentry", "Lighter", "LIT", DIFFERENT),
        ("Debox", "DefiBox", "BOX", DIFFERENT),
        ("Strike", "Starknet", "STRK", DIFFERENT),
        ("Xeno", "Nano", "XNO", DIFFERENT),
        ("TetherUS", "Tether", "USDT", UNCLEAR),
        ("Ethereum", "Ether", "ETH", UNCLEAR),
        ("USD Coin", "USDC", "USDC", UNCLEAR),
        ("Flux Protocol", "Flux (Zelcash)", "FLUX", UNCLEAR),
        ("Neiro on ETH", "Neiro (Solana)", "NEIRO", UNCLEAR),
        ("스트라이크", "Strike", "STRK", UNCLEAR),
    ],
)
def test_names_are_the_same_unclear_or_different(
    ours: str, theirs: str, ticker: str, found: NameComparison
) -> None:
    assert compare_names(ours, theirs, ticker) is found
    assert compare_names(theirs, ours, ticker) is found


def test_what_is_spelled_like_the_ticker_is_no_name() -> None:
    assert not is_name("WEN", "WEN")
    assert is_name("Wen", "WEN")
    assert not is_name(None, "WEN")
    assert not is_name("  ", "WEN")
    assert not is_name("()", "WEN")


def test_no_two_false_friends_have_the_same_name() -> None:
    with (CASES / "false_friends.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 80
    alike = [
        (row["ticker"], row["asset_a"], row["asset_b"])
        for row in rows
        if compare_names(row["asset_a"], row["asset_b"], row["ticker"]) is SAME
    ]
    assert alike == []
