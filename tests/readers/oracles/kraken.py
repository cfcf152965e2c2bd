"""Kraken: public/AssetPairs, with Assets. docs.kraken.com, "Get Tradable Asset Pairs"."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, number, plain

# The five words of "Status of asset pair". Who may only reduce a spot position may only sell.
STATUS: Final = {
    "online": "ONLINE",
    "cancel_only": "CANCEL_ONLY",
    "post_only": "POST_ONLY",
    "limit_only": "ONLINE",
    "reduce_only": "SELL_ONLY",
}
# Codes of before 2014 have X before a coin, Z before a currency of a state: "altname" drops it.
OLD_COINS: Final = ("ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")
OLD_FIAT: Final = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
ALTNAMES: Final = {f"X{name}": name for name in OLD_COINS} | {f"Z{name}": name for name in OLD_FIAT}
# "Bitcoin is XBT, Dogecoin XDG"; WebSocket v2 calls them BTC and DOGE.
TICKERS: Final = {"XBT": "BTC", "XDG": "DOGE"}


def ticker(venue_code: str) -> str:
    altname = ALTNAMES.get(venue_code, venue_code)
    return TICKERS.get(altname, altname)


def spellings(key: str, record: Raw) -> set[tuple[str, str | None]]:
    """altname may stand for the key in REST; wsname is that of WebSocket v1."""
    found: set[tuple[str, str | None]] = set()
    if record["altname"] != key:
        found.add((record["altname"], "REST"))
    if "wsname" in record:
        base, quote = record["wsname"].split("/")
        found.add((record["wsname"], "WS"))
        found.add((f"{TICKERS.get(base, base)}/{TICKERS.get(quote, quote)}", "WS_V2"))
    return found


def first_fee(tiers: list[list[str]] | None) -> Decimal | None:
    """[[volume, percent], ...]; the first has no volume."""
    return Decimal(tiers[0][1]) / 100 if tiers else None


def pair(key: str, record: Raw) -> Raw:
    leverages = [Decimal(each) for each in record["leverage_buy"] + record["leverage_sell"]]
    least = number(record.get("costmin"))
    decimals = Decimal(1).scaleb(-int(record["pair_decimals"]))
    return plain(
        symbol_type="SPOT",
        base=code(record["base"], ticker(record["base"])),
        quote=code(record["quote"], ticker(record["quote"])),
        underlying_class="EQUITY" if record["aclass_base"] == "tokenized_asset" else None,
        status=STATUS[record["status"]] if "status" in record else None,
        aliases=spellings(key, record),
        # Dark pools: "XETHXXBT.d" beside "XETHXXBT".
        is_secondary=key.endswith(".d"),
        order_unit="BASE",
        # "Scaling decimal places for pair", before there was a tick_size.
        tick_size=number(record["tick_size"]) if "tick_size" in record else decimals,
        lot_size=Decimal(1).scaleb(-int(record["lot_decimals"])) * int(record["lot_multiplier"]),
        min_order_size=number(record.get("ordermin")),
        # "Minimum order cost (in terms of quote currency)", of any order.
        min_notional=least,
        market_min_notional=least,
        taker_fee=first_fee(record["fees"]),
        # "fees_maker (if on maker/taker)": elsewhere both pay "fees".
        maker_fee=first_fee(record.get("fees_maker", record["fees"])),
        max_leverage=max(leverages, default=None),
    )


def of_pairs(file: str, files: dict[str, Any]) -> Expectations:
    result = files[file]["result"]
    return len(result), {key: pair(key, record) for key, record in result.items()}


_FILES: Final = (
    "kraken/AssetPairs_2021-04-17.json",
    "kraken/AssetPairs_2025-06-11.json",
    "kraken/fixture_recent_AssetPairs.json",
    "kraken/fixture_recent_AssetPairs_tokenized.json",
)
EXPECT: Final[Expect] = {file: functools.partial(of_pairs, file) for file in _FILES}
