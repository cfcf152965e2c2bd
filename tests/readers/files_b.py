"""Files of Gate, Bitget, KuCoin, HTX, MEXC, Bitfinex, BitMEX, Bitstamp and others."""

from __future__ import annotations

from typing import Final

from tests.readers.listing_files import Listing

LISTINGS: Final[tuple[Listing, ...]] = ()
#: They hold no listing. Why.
NO_LISTINGS: Final[dict[str, str]] = {}
