"""Which dated files the simulated venue plays, and under which addresses."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from tests.readers.listing_files import VENUES, Listing
from tests.readers.test_readers import expected_of
from tests.reconciler.raw_differences.differences import Records
from tests.reconciler.raw_differences.pairs import listing_named

#: As the venue's documentation names it; what is asked beside the listing.
_FUNDING: Final = {
    "binance-usdm": "fapi.binance.com/fapi/v1/fundingInfo",
    "binance-coinm": "dapi.binance.com/dapi/v1/fundingInfo",
}


class PlayedVenue(NamedTuple):
    """A venue that answers with one file, and later with another one.

    Attributes:
        address: HOST/PATH of the listing's request, with its query.
        field: Of each record; without it, or with an object in its place, no record can be read.
        beside: Addresses that are asked beside it.
    """

    venue_id: str
    address: str
    files: tuple[Listing, Listing]
    field: str
    beside: tuple[str, ...] = ()

    def body(self, number: int) -> bytes:
        """The answer that a file was; a collector's own envelope is taken off."""
        listing = self.files[number]
        content = (VENUES / listing.file).read_bytes()
        if listing.restored is None:
            return content
        return json.dumps(listing.restored(json.loads(content))).encode()

    def beside_body(self, number: int) -> bytes:
        """The answer beside the listing; an empty list, if none was kept."""
        files = [each.file for each in self.files[number].beside]
        return (VENUES / files[0]).read_bytes() if files else b"[]"

    def records(self, number: int) -> Records:
        return expected_of(self.files[number])[1]


def _venue(venue_id: str, address: str, before: str, after: str, field: str) -> PlayedVenue:
    files = (listing_named(before), listing_named(after))
    beside = (_FUNDING[venue_id],) if venue_id in _FUNDING else ()
    return PlayedVenue(venue_id, address, files, field, beside)


_BINANCE: Final = "binance/spot_exchangeInfo"
_USDM: Final = "binance/usdm_exchangeInfo"
_COINM: Final = "binance/coinm_exchangeInfo"
_GATE: Final = "gate/futures_usdt_contracts"
_BYBIT: Final = "bybit/linear_instruments"
_COINBASE: Final = "coinbase/exchange_products"

COINM: Final = _venue(
    "binance-coinm",
    "dapi.binance.com/dapi/v1/exchangeInfo",
    f"{_COINM}_2021-07-22.json",
    f"{_COINM}_2025-08-07_25symbols.json",
    "contractSize",
)
COINBASE: Final = _venue(
    "coinbase",
    "api.exchange.coinbase.com/products",
    f"{_COINBASE}_2021-04-17.json",
    f"{_COINBASE}_2024-04-22.json",
    "quote_increment",
)
GATE: Final = _venue(
    "gate-usdt",
    "api.gateio.ws/api/v4/futures/usdt/contracts",
    f"{_GATE}_2023-05-24.json",
    f"{_GATE}_2024-12-02.json",
    "order_price_round",
)
#: Small ones, for each run of the tests.
FEW: Final = (COINM, COINBASE, GATE)
#: None of them lacks more than a fifth of what it had: that is refused as a whole.
MANY: Final = (
    *FEW,
    _venue(
        "binance",
        "api.binance.com/api/v3/exchangeInfo",
        f"{_BINANCE}_2021-10-12.json",
        f"{_BINANCE}_2022-11-28.json",
        "filters",
    ),
    _venue(
        "binance-usdm",
        "fapi.binance.com/fapi/v1/exchangeInfo",
        f"{_USDM}_2024-12-13.json",
        f"{_USDM}_2025-08-22.json",
        "filters",
    ),
    _venue(
        "bybit-linear",
        "api.bybit.com/v5/market/instruments-info?category=linear",
        f"{_BYBIT}_2025-01-23_incomplete.json",
        f"{_BYBIT}_2025-09-21.json",
        "tickSize",
    ),
)
