"""What a venue spells nearly like an unknown spelling."""

from __future__ import annotations

from typing import Any

import pytest

from cqar_resolver.queries.near_spellings import NEAR_MAX, near_spellings

LISTED = (
    "BTCUSDT",
    "BTC-USDT",
    "BTC_USDT",
    "BTC/USDT",
    "BTC:USDT",
    "SOL-USD",
    "XBT-USD-SWAP",
)


class _Listed:
    """A reader of one venue's spellings; counts what it is asked."""

    def __init__(self, *spellings: str) -> None:
        self._spellings = spellings
        self.asked = 0

    def find(self, kind: str, lookup: str, venue_id: str, spelling: str) -> list[tuple[str, bytes]]:
        self.asked += 1
        assert (kind, lookup, venue_id) == ("venue_symbol", "spelling", "v")
        return [("id", b"")] if spelling in self._spellings else []


@pytest.mark.parametrize(
    ("spelling", "near"),
    [
        ("btc usdt", ("BTC-USDT", "BTC/USDT", "BTC:USDT", "BTCUSDT", "BTC_USDT")),
        ("solusd", ("SOL-USD",)),
        ("xbt/usd/swap", ("XBT-USD-SWAP",)),
        ("SOL-USDC", ()),
        ("-/", ()),
        ("", ()),
    ],
)
def test_case_and_separators_alone_differ(spelling: str, near: tuple[str, ...]) -> None:
    reader: Any = _Listed(*LISTED)
    found = near_spellings(reader, "v", spelling)
    assert set(found) == set(near)
    assert list(found) == sorted(found)
    assert len(found) <= NEAR_MAX


@pytest.mark.parametrize(
    "spelling", ["A" * 64, "-".join("ABCDEFGHIJKLMNOP"), "ABCDEFGHIJKLMNOPQRSTUVWX"]
)
def test_few_ways_are_looked_up(spelling: str) -> None:
    reader: Any = _Listed()
    assert near_spellings(reader, "v", spelling) == ()
    assert reader.asked <= 400
