"""What is said of who reads a venue, when it is added and when it is not there."""

from __future__ import annotations

from typing import Any

import pytest
from cqc.venues.v1 import venue_pb2

from cqar.cli.venue_reader import how_to_register, reader_note
from tests.unit.cqar.cli.test_nouns import command_for


@pytest.mark.parametrize(
    ("venue_id", "metadata", "said"),
    [
        ("kraken", {}, "are read by kraken/1: cqar import kraken --requests"),
        ("my-kraken", {"product_line": "kraken"}, "are read by kraken/1"),
        ("my-kraken", {"product_line": "crake"}, "No reader has the product line crake"),
        # Of one product line alone that is asked through this exchange, it is that one's reader.
        ("my-kraken", {"ccxt_id": "kraken"}, "are read by kraken/1"),
        (
            "gate-tr",
            {"ccxt_id": "gate"},
            "unreviewed; product lines asked through this exchange: gate, gate-usdt,",
        ),
        ("newex", {"ccxt_id": "coinex"}, "ccxt (coinex) will read its listings, unreviewed."),
        ("newex", {}, "Nobody reads its listings yet: set product_line"),
    ],
)
def test_an_added_venue_says_who_reads_it(
    venue_id: str, metadata: dict[str, Any], said: str
) -> None:
    venue = venue_pb2.Venue(venue_id=venue_id)
    venue.metadata.update(metadata)
    assert said in reader_note(venue)


@pytest.mark.parametrize(
    ("venue_id", "said"),
    [
        ("bitmex-testnet", "bitmex-testnet/1 reads it, and cqar catalogue load brings it"),
        ("nowhere", "cqar import --list-venues shows those that CQAR reads"),
    ],
)
def test_a_venue_that_is_not_there_says_how_it_comes(venue_id: str, said: str) -> None:
    assert said in how_to_register(venue_id)


def test_the_command_that_adds_a_builders_exchange_is_one() -> None:
    reads, _, command = how_to_register("hyperliquid-km").partition(": ")
    assert reads == "hyperliquid-km/1 reads it"
    assert command_for(command).name == "add"
    assert "--type dex --chain hyperliquid --operator hyperliquid" in command
