"""Which files of the data use a code as a venue's or a service's own, whatever it means there."""

from __future__ import annotations

import csv
import functools
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from tests.catalogue.fact_files import DATA
from tests.readers.test_readers import FILES, reading_of


def _codes_of_venues() -> Iterator[tuple[str, str]]:
    """Each (code, file) of venues' own answers, again and again."""
    for listing in FILES:
        for market in reading_of(listing).markets:
            for code in (market.base, market.quote):
                yield code.venue, f"venues/{listing.file}"
                yield code.ticker, f"venues/{listing.file}"
    for path in sorted(DATA.glob("venues/*/tickers_2022-11-22.json")):
        for pair in json.loads(path.read_text()):
            base, _, quote = pair.partition("/")
            yield base, str(path.relative_to(DATA))
            yield quote.partition(":")[0], str(path.relative_to(DATA))


def _codes_of_services() -> Iterator[tuple[str, str]]:
    """Each (code, file) of those who list what venues trade."""
    for file in ("crypto_2025-01-14", "crypto_2025-08-07"):
        lean = f"identifiers/lean_symbol_properties/{file}.csv"
        for row in _csv(lean):
            # Its own symbol, and the venue's: BEERUSDT is 1000BEERUSDT at Bybit.
            for symbol in (row["symbol"], row["market_ticker"]):
                yield symbol.removesuffix(row["quote_currency"]), lean
    freqtrade = "identifiers/freqtrade_binance_usdm_unified_symbols.csv"
    for row in _csv(freqtrade):
        yield row["unified_symbol"].partition("/")[0], freqtrade
    dydx = "venues/dydx/web_markets_metadata_2024-10-21.json"
    for pair in json.loads((DATA / dydx).read_text()):
        yield pair.removesuffix("-USD"), dydx


def _csv(path: str) -> list[dict[str, str]]:
    with (DATA / path).open(newline="") as lines:
        return list(csv.DictReader(lines))


@functools.cache
def files_of_codes() -> dict[str, frozenset[str]]:
    """Code, in its own spelling -> files in which something is traded under it, or in it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for code, file in chain(_codes_of_venues(), _codes_of_services()):
        found[code].add(file)
    return {code: frozenset(files) for code, files in found.items()}
