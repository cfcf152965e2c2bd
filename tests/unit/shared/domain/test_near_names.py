"""Hints at what a name may have been meant for."""

from __future__ import annotations

import pytest

from cqar_shared.domain.near_names import CHARS_MAX, NAMES_MAX, did_you_mean

VENUES = ("binance", "binance-usdm", "kraken", "okx")


@pytest.mark.parametrize(
    ("typed", "meant"), [("binanse", "binance"), ("Kraken", "kraken"), ("okex", "okx")]
)
def test_a_near_name_is_said(typed: str, meant: str) -> None:
    assert did_you_mean(typed, VENUES) == f"(did you mean {meant!r}?)"


def test_where_none_is_near_nothing_is_said() -> None:
    assert did_you_mean("uniswap", VENUES) == ""
    assert did_you_mean("", VENUES) == ""
    assert did_you_mean("binanse", ()) == ""


def test_neither_a_long_name_nor_many_names_are_compared() -> None:
    long = "a" * (CHARS_MAX + 1)
    assert did_you_mean(long, [long]) == ""
    many = [f"zzz{n:04}" for n in range(NAMES_MAX)]
    assert did_you_mean("binanse", ["binance", *many]) == "(did you mean 'binance'?)"
    assert did_you_mean("binanse", [*many, "binance"]) == ""
