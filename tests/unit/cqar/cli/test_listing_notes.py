"""What is said of a listing that lacks steps."""

from __future__ import annotations

from typing import Any

import pytest
from cqc.venues.v1 import venue_symbol_pb2

from cqar.cli.nouns.listing_notes import steps_note


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        ({}, "--tick-size STEP --lot-size STEP"),
        ({"tick_size": "0.01"}, "--lot-size STEP"),
        ({"tick_size": "0.01", "lot_size": "1"}, ""),
    ],
)
def test_steps_that_a_listing_lacks_are_named_with_their_options(
    steps: dict[str, Any], options: str
) -> None:
    exact = venue_symbol_pb2.VenueSymbolDecimals(**steps)
    listing = venue_symbol_pb2.VenueSymbol(venue_id="kraken", venue_symbol="XBTUSD", exact=exact)
    said = steps_note(listing)
    assert said.endswith(f"cqar listing set kraken XBTUSD {options}" if options else "")
    assert bool(said) is bool(options)
    listing.alias_of = "XXBTZUSD"
    assert steps_note(listing) == ""
