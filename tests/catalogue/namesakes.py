"""Whether venues of the data trade another coin under an asset's ticker.

Lists of coins have many namesakes that no venue ever traded; they do not count. These do:
a name that a venue gives, a map of a venue's codes, a price that no other venue has, and a ticker
that was traded before its coin was born.
"""

from __future__ import annotations

import csv
import functools
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tests.catalogue.evidence import Evidence, by_ticker, names_of, tickers_of
from tests.catalogue.fact_files import DATA, plain_name, spelled
from tests.readers.test_readers import FILES, reading_of

FALSE_FRIENDS: Final = DATA.parent / "cases" / "false_friends.csv"
#: Files in which a venue, or a service that reads venues' trades, names what is traded.
NAMED_BY_VENUES: Final = (
    "venues/",
    "identifiers/lean_symbol_properties/crypto_2025-01-14.csv",
    "identifiers/lean_symbol_properties/crypto_2025-08-07.csv",
    "identifiers/cryptowatch_assets.json",
)
COINGECKO_LIST: Final = "identifiers/coingecko_coins_platforms_2023-05.json"
#: The newest coin of that list was listed before.
COINGECKO_LIST_DATE: Final = "2023-05-08"
#: Another coin's price is another one altogether; thin venues' last trades may be hours old.
PRICE_FACTOR_MAX: Final = 2
_DOLLARS: Final = ("USDT", "USD", "USDC", "BUSD")
_PRICE_FIELDS: Final = (
    *("last", "lastPrice", "last_price", "close", "price", "last_trade_price", "last_trade"),
    *("lastTradeRate", "last_traded_price", "latest"),
)
#: Its last trades are of weeks before.
STALE: Final = "blockchaincom"
#: Where Bitfinex's row of numbers has the last price.
_BITFINEX_LAST: Final = 7
_DATE: Final = re.compile(r"20\d\d-\d\d-\d\d")


@functools.cache
def false_friends() -> frozenset[str]:
    with FALSE_FRIENDS.open(newline="") as lines:
        return frozenset(row["ticker"].upper() for row in csv.DictReader(lines))


@functools.cache
def _other_meanings() -> dict[str, list[tuple[str, str]]]:
    """Code -> (exchange, unified code) where an exchange means something else by it."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    with (DATA / "identifiers/ccxt_common_currencies.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["origin"] != "inherited" and row["venue_code"] != row["unified_code"]:
                found[row["venue_code"].upper()].append((row["exchange"], row["unified_code"]))
    return dict(found)


@functools.cache
def _rotki_assets() -> dict[str, dict[str, str]]:
    with (DATA / "identifiers/rotki_assets.csv").open(newline="") as lines:
        return {row["identifier"]: row for row in csv.DictReader(lines)}


@functools.cache
def _rotki_codes() -> dict[str, set[tuple[str, str]]]:
    """Code -> (venue, rotki's asset) as its updates leave it."""
    held: dict[tuple[str, str], str] = {}
    with (DATA / "identifiers/rotki_location_asset_mappings.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            key = (row["location"], row["location_symbol"].upper())
            if row["operation"] == "deletions":
                held.pop(key, None)
            else:
                held[key] = row["asset"]
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for (venue, code), asset in held.items():
        found[code].add((venue, asset))
    return dict(found)


@functools.cache
def traded_before_the_list() -> dict[str, str]:
    """Ticker -> a venue's file that has it, older than CoinGecko's list."""
    found: dict[str, str] = {}
    for listing in FILES:
        date = _DATE.search(listing.file)
        if date and date[0] < COINGECKO_LIST_DATE and "testnet" not in listing.venue_id:
            for market in reading_of(listing).markets:
                found.setdefault(market.base.ticker.upper(), listing.file)
    for path in sorted(DATA.glob("venues/*/tickers_2022-11-22.json")):
        for pair in json.loads(path.read_text()):
            found.setdefault(pair.partition("/")[0].upper(), str(path.relative_to(DATA)))
    return found


def _price(ticker: Any) -> Decimal | None:
    """The last price of a venue's own ticker object; None if it has none that is known here."""
    if isinstance(ticker, list):
        return _number(ticker[_BITFINEX_LAST])
    if not isinstance(ticker, dict):
        return None
    if isinstance(ticker.get("ticker"), dict):
        return _price(ticker["ticker"])
    if "c" in ticker:
        # Kraken's last trade is the first of `c`; where `c` is the change, `a` is the last price.
        return _number(ticker["c"][0] if isinstance(ticker["c"], list) else ticker.get("a"))
    return next((_number(ticker[field]) for field in _PRICE_FIELDS if field in ticker), None)


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None


@functools.cache
def prices() -> dict[str, dict[str, Decimal]]:
    """Ticker -> venue -> its last price in dollars, all of the same three minutes of 2022."""
    found: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for path in sorted(DATA.glob("venues/*/tickers_2022-11-22.json")):
        if path.parent.name == STALE:
            continue
        for pair, ticker in json.loads(path.read_text()).items():
            base, _, quote = pair.partition("/")
            price = _price(ticker) if quote in _DOLLARS else None
            if price is not None:
                found[base.upper()].setdefault(path.parent.name, price)
    return dict(found)


def another_coin(known: Evidence, sharing: frozenset[str]) -> Iterator[str]:
    """Say each sign that venues trade, or traded, another coin under the asset's ticker.

    Args:
        sharing: Tickers that two assets of the catalogue have or had.
    """
    ticker = known.row["symbol"].upper()
    if ticker in false_friends():
        yield "a false friend of the cases"
    if ticker in sharing:
        yield "two assets of the catalogue"
    own = tickers_of(known.row)
    for exchange, unified in _other_meanings().get(ticker, ()):
        if unified.upper() not in own:
            yield f"{exchange} means {unified}"
    yield from _mapped_elsewhere(known)
    yield from _named_otherwise(known)
    yield from _priced_otherwise(ticker)
    # Two coins may have one name, too: a contract or an id says more.
    is_old = any(fact.file == COINGECKO_LIST for fact in known.by_place or known.by_name)
    if not is_old and ticker in traded_before_the_list():
        yield f"traded before it was born: {traded_before_the_list()[ticker]}"


def _mapped_elsewhere(known: Evidence) -> Iterator[str]:
    for venue, identifier in sorted(_rotki_codes().get(known.row["symbol"].upper(), ())):
        if (name := _other_name(known, identifier)) is not None:
            yield f"rotki's map of {venue or 'all venues'}: {name}"


def rotki_says_otherwise(known: Evidence, venue: str, code: str) -> list[str]:
    """The names of other assets that rotki's map takes a venue's code for."""
    mapped = [asset for at, asset in _rotki_codes().get(code.upper(), ()) if at == venue]
    return [name for asset in mapped if (name := _other_name(known, asset)) is not None]


def _other_name(known: Evidence, identifier: str) -> str | None:
    """The name of an asset of rotki's, where it is known there and is not this one."""
    row = _rotki_assets().get(identifier)
    if row is None:
        return None
    is_same = (
        row["coingecko"] in {fact.coingecko for fact in known.by_place if fact.coingecko}
        or (row["address"] and spelled(row["address"]) in {f.address for f in known.by_place})
        or plain_name(row["name"]) in names_of(known.row)
        or identifier.upper() in tickers_of(known.row)
    )
    return None if is_same else row["name"]


def _named_otherwise(known: Evidence) -> Iterator[str]:
    """A venue gives the ticker a name that is not the asset's, not even its beginning."""
    ticker = known.row["symbol"].upper()
    ours = {*known.by_name, *known.by_place}
    names = {*names_of(known.row), *(plain_name(f.name) for f in ours if f.name)} - {""}
    for fact in by_ticker().get(ticker, ()):
        if not fact.file.startswith(NAMED_BY_VENUES) or not fact.name or fact in ours:
            continue
        name = plain_name(fact.name)
        same = name in names or name == plain_name(ticker)
        if not same and not any(name.startswith(n) or n.startswith(name) for n in names):
            yield f"{fact.file}: {fact.name}"


def _priced_otherwise(ticker: str) -> Iterator[str]:
    at = prices().get(ticker, {})
    if len(at) < 2:
        return
    middle = statistics.median(at.values())
    for venue, price in sorted(at.items()):
        if max(price, middle) > min(price, middle) * PRICE_FACTOR_MAX:
            yield f"{venue}: {price:f} where others have {middle:f}"
