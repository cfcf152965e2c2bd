"""The assets of a synthetic market, and the venues that list them. Pure."""

from __future__ import annotations

import datetime as dt
import string
import uuid
from collections.abc import Iterator
from typing import Final, NamedTuple

from cqar_shared.domain.kinds.asset import Asset, AssetType
from cqar_shared.domain.kinds.quality_flag import FlagSeverity, FlagType, QualityFlag
from cqar_shared.domain.kinds.venue import Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import VenueAsset

#: None is the end of another, so a pair's two tickers can be told apart in one word.
QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "TRY", "BRL", "DAI")
MAJORS: Final = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "TRX", "LTC", "LINK")
#: Each joins the two tickers of a pair in its own way.
VENUES: Final = (
    *("binance", "binance-usdm", "binance-coinm", "okx", "bybit", "bybit-linear"),
    *("bybit-inverse", "gate", "gate-usdt", "kucoin", "kraken", "coinbase"),
    *("bitget", "mexc", "htx", "bitfinex", "deribit", "hyperliquid"),
    *("upbit", "bithumb", "bitstamp", "gemini", "crypto-com", "whitebit"),
)
OPERATORS: Final = {
    "binance-usdm": "binance",
    "binance-coinm": "binance",
    "gate-usdt": "gate",
    "bybit-linear": "bybit",
    "bybit-inverse": "bybit",
}
JOINERS: Final = ("", "-", "_", "/")
#: Spreads made-up tickers over the alphabet; no divisor of 26 ** 4, so none comes twice.
_SPREAD: Final = 7_919
_LETTERS: Final = 4
#: Venues that say what may be done with an asset there, for each asset.
HELD_AT: Final = 2


class Coin(NamedTuple):
    """What the rest needs of an asset."""

    asset_id: str
    ticker: str


def an_id(name: str) -> str:
    """The same for the same name, always."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bench:{name}"))


def coins(count: int) -> tuple[list[Coin], list[Coin]]:
    """(quotes, bases): all assets, of which there are `count`, the majors first."""
    quotes = [Coin(an_id(ticker), ticker) for ticker in QUOTES]
    tickers = [*MAJORS, *(_ticker(n) for n in range(count - len(QUOTES) - len(MAJORS)))]
    return quotes, [Coin(an_id(ticker), ticker) for ticker in tickers]


def _ticker(number: int) -> str:
    """Of four letters; five where a real one has these."""
    left, letters = number * _SPREAD, ""
    for _ in range(_LETTERS):
        left, letter = divmod(left, len(string.ascii_uppercase))
        letters = string.ascii_uppercase[letter] + letters
    return f"{letters}Q" if letters in (*MAJORS, *QUOTES) else letters


def assets(all_coins: list[Coin], at: dt.datetime) -> Iterator[Asset]:
    for coin in all_coins:
        yield Asset(
            asset_id=coin.asset_id,
            symbol=coin.ticker,
            name=f"{coin.ticker.title()} Coin",
            asset_type=AssetType.NATIVE if coin.ticker in MAJORS else AssetType.ERC20,
            category="layer-1" if coin.ticker in MAJORS else "token",
            created_at=at,
            updated_at=at,
        )


def flags(bases: list[Coin], at: dt.datetime) -> Iterator[QualityFlag]:
    """One asset of a hundred is flagged, and one of those critically."""
    for place, coin in enumerate(bases[99::100]):
        yield QualityFlag(
            flag_id=an_id(f"flag {coin.ticker}"),
            asset_id=coin.asset_id,
            flag_type=FlagType.LOW_LIQUIDITY if place % 10 else FlagType.EXPLOITED,
            severity=FlagSeverity.MEDIUM if place % 10 else FlagSeverity.CRITICAL,
            source="bench",
            reason="made up",
            raised_at=at,
        )


def venues(at: dt.datetime) -> Iterator[Venue]:
    for venue_id in VENUES:
        yield Venue(
            venue_id=venue_id,
            name=venue_id.title(),
            venue_type=VenueType.CEX,
            website_url=f"https://{venue_id}.example",
            operator=OPERATORS.get(venue_id),
            created_at=at,
            updated_at=at,
        )


def venue_assets(all_coins: list[Coin], at: dt.datetime) -> Iterator[VenueAsset]:
    for place, coin in enumerate(all_coins):
        for turn in range(HELD_AT):
            yield VenueAsset(
                venue_id=VENUES[(place + turn * 11) % len(VENUES)],
                asset_id=coin.asset_id,
                venue_asset_symbol=coin.ticker,
                deposit_enabled=True,
                withdraw_enabled=True,
                trading_enabled=True,
                listed_at=at,
            )
