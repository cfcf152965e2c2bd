"""A synthetic market of so many listings: every entity, in the order of their kinds. Pure.

Lifelike in what answers cost: 24 venues, three in ten listings a product of their own, options and
futures among them, steps on the listing for most, an alias for one in 33 and as many delisted.
"""

from __future__ import annotations

import datetime as dt
import itertools
import string
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetType
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG, FlagSeverity, FlagType, QualityFlag
from cqar_shared.domain.kinds.symbol import (
    CASH,
    SYMBOL,
    ContractKindCode,
    OptionTypeCode,
    Symbol,
    SymbolTypeCode,
    notation,
)
from cqar_shared.domain.kinds.venue import VENUE, Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol

LISTINGS_MIN: Final = 300
#: The first seven assets; none is the end of another, so that spellings stay unambiguous.
QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "TRY", "BRL", "DAI")
VENUES: Final = tuple(f"exchange-{number}" for number in range(24))
#: Each venue joins the two tickers of a pair by one of these.
SEPARATORS: Final = ("", "-", "_", "/")
#: Venues that say, of each asset, what may be done with it there.
VENUES_PER_ASSET: Final = 2
#: Too short for a writer to archive the listing, which would disturb the measurements.
DELISTED_AGO: Final = dt.timedelta(days=20)
#: Of so many listings in a row, one is an alias of the one before it, and one is delisted.
CYCLE: Final = 33
ALIAS: Final = 32
DELISTED: Final = 7
#: One listing of so many has no steps of its own: the symbol's apply.
STEPLESS_EVERY: Final = 20
#: Of a thousand symbols; the rest are options.
SPOTS, PERPETUALS, FUTURES = 400, 130, 20
FUTURE_BASES_MAX: Final = 200
OPTION_BASES_MAX: Final = 20
STRIKES: Final = 120


#: A symbol, and the base's and the quote's ticker, of which its spellings consist.
Product = tuple[Symbol, str, str]


def stable_id(name: str) -> str:
    """The same UUID for the same name, always."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bench:{name}"))


class Market:
    """Listings, and all that they need.

    Args:
        listings: At least `LISTINGS_MIN`. A million has 300,000 symbols and 20,020 assets.
        now: When it was made; expiries lie after it.
    """

    def __init__(self, listings: int, now: dt.datetime) -> None:
        if listings < LISTINGS_MIN:
            raise ValueError(f"{listings} listings: at least {LISTINGS_MIN}")
        self.listings = listings
        self.symbols = listings * 3 // 10
        self.now = now
        letters = itertools.product(string.ascii_uppercase, repeat=4)
        names = ("".join(name) for name in letters)
        made_up = (name for name in names if name not in QUOTES)
        self._bases = list(itertools.islice(made_up, listings // 50 + 20 - len(QUOTES)))
        self._first_expiry = now.replace(hour=8, minute=0, second=0) + dt.timedelta(days=30)

    def entities(self) -> Iterator[tuple[AnyKind, Entity]]:
        """Every entity, after all that it refers to."""
        tickers = (*QUOTES, *self._bases)
        yield from ((ASSET, self._asset(ticker)) for ticker in tickers)
        for number, ticker in enumerate(self._bases[99::100]):
            yield QUALITY_FLAG, self._flag(ticker, is_critical=number % 10 == 0)
        for name in VENUES:
            yield VENUE, Venue(venue_id=name, name=name, venue_type=VenueType.CEX, **self._dates())
        for number in range(self.symbols):
            yield SYMBOL, self.product(number)[0]
        for number, turn in itertools.product(range(len(tickers)), range(VENUES_PER_ASSET)):
            yield VENUE_ASSET, self._venue_asset(tickers[number], number + turn * 11)
        for number in range(self.listings):
            yield VENUE_SYMBOL, self.listing(number)

    def key(self, number: int) -> list[str]:
        """[venue_id, venue_symbol] of a listing."""
        listing = self.listing(number)
        return [listing.venue_id, listing.venue_symbol]

    def listing(self, number: int) -> VenueSymbol:
        """The listing of a number below `listings`."""
        listing_id, position = stable_id(f"listing {number}"), number % CYCLE
        if position == ALIAS:
            main = self.listing(number - 1)
            return VenueSymbol(
                listing_id=listing_id,
                venue_id=main.venue_id,
                symbol_id=main.symbol_id,
                venue_symbol=f"{main.venue_symbol}.alt",
                status=MarketStatusCode.ONLINE,
                is_primary=False,
                alias_of=main.venue_symbol,
                listed_at=main.listed_at,
                first_seen_at=main.first_seen_at,
            )
        round_number, symbol = divmod(number - number // CYCLE, self.symbols)
        product, venue = self.product(symbol), (symbol * 7 + round_number) % len(VENUES)
        is_delisted = position == DELISTED
        listed_at = self.now - dt.timedelta(days=40 + number % 1_500)
        return VenueSymbol(
            listing_id=listing_id,
            venue_id=VENUES[venue],
            symbol_id=product[0].symbol_id,
            venue_symbol=_spelling(product, SEPARATORS[venue % len(SEPARATORS)]),
            status=MarketStatusCode.DELISTED if is_delisted else MarketStatusCode.ONLINE,
            is_primary=True,
            listed_at=listed_at,
            delisted_at=self.now - DELISTED_AGO if is_delisted else None,
            first_seen_at=listed_at,
            **_terms(number),
        )

    def product(self, number: int) -> Product:
        """The product of a number below `symbols`."""
        spots, perpetuals, futures = (
            self.symbols * share // 1000 for share in (SPOTS, PERPETUALS, FUTURES)
        )
        if number < spots:
            quote, base = divmod(number, len(self._bases))
            return self._product(SymbolTypeCode.SPOT, base, QUOTES[quote])
        number -= spots
        if number < perpetuals:
            quote, base = divmod(number, len(self._bases))
            # Settled in the quote; with the third quote, in the base.
            settled = self._bases[base] if quote == 2 else QUOTES[quote]
            return self._product(SymbolTypeCode.PERPETUAL, base, QUOTES[quote], settled)
        number -= perpetuals
        if number < futures:
            week, base = divmod(number, min(len(self._bases), FUTURE_BASES_MAX))
            return self._product(SymbolTypeCode.FUTURE, base, QUOTES[0], expiry=self._expiry(week))
        rest, side = divmod(number - futures, 2)
        rest, strike = divmod(rest, STRIKES)
        week, base = divmod(rest, min(len(self._bases), OPTION_BASES_MAX))
        return self._product(
            *(SymbolTypeCode.OPTION, base, QUOTES[2], self._bases[base]),
            expiry=self._expiry(week),
            strike_price=Decimal(1000 * (strike + 1)),
            option_type=OptionTypeCode(side + 1),
        )

    def _expiry(self, week: int) -> dt.datetime:
        return self._first_expiry + dt.timedelta(weeks=week)

    def _product(
        self, kind: SymbolTypeCode, base_number: int, quote: str, settled: str = "", **terms: Any
    ) -> Product:
        tickers = (self._bases[base_number], quote, settled or quote)
        if kind not in CASH:
            linear = tickers[2] == quote
            terms["contract_kind"] = ContractKindCode.LINEAR if linear else ContractKindCode.INVERSE
            terms["contract_size"] = Decimal(1)
        base_id, quote_id, settlement_id = map(stable_id, tickers)
        symbol = Symbol(
            symbol_id=stable_id(" ".join(map(str, (kind, *tickers, *terms.values())))),
            symbol_type=kind,
            base_asset_id=base_id,
            quote_asset_id=quote_id,
            settlement_asset_id=settlement_id,
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.0001"),
            **self._dates(),
            **terms,
        )
        named = msgspec.structs.replace(symbol, symbol=notation(symbol, *tickers))
        return named, *tickers[:2]

    def _asset(self, ticker: str) -> Asset:
        return Asset(
            asset_id=stable_id(ticker),
            symbol=ticker,
            name=f"{ticker.title()} Coin",
            asset_type=AssetType.ERC20,
            category="token",
            **self._dates(),
        )

    def _flag(self, ticker: str, *, is_critical: bool) -> QualityFlag:
        return QualityFlag(
            flag_id=stable_id(f"flag {ticker}"),
            asset_id=stable_id(ticker),
            flag_type=FlagType.EXPLOITED if is_critical else FlagType.LOW_LIQUIDITY,
            severity=FlagSeverity.CRITICAL if is_critical else FlagSeverity.MEDIUM,
            source="bench",
            reason="made up",
            raised_at=self.now,
        )

    def _venue_asset(self, ticker: str, venue: int) -> VenueAsset:
        return VenueAsset(
            venue_id=VENUES[venue % len(VENUES)],
            asset_id=stable_id(ticker),
            venue_asset_symbol=ticker,
            deposit_enabled=True,
            withdraw_enabled=True,
            trading_enabled=True,
            listed_at=self.now,
        )

    def _dates(self) -> dict[str, Any]:
        return {"created_at": self.now, "updated_at": self.now}


def _spelling(product: Product, separator: str) -> str:
    """A spelling that no other product has with this separator."""
    symbol, text = product[0], separator.join(product[1:])
    if symbol.symbol_type is SymbolTypeCode.PERPETUAL:
        return f"{text}-PERP"
    if symbol.expiry is not None:
        text += f"-{symbol.expiry:%y%m%d}"
    if symbol.option_type is not None:
        text += f"-{symbol.strike_price:f}-{symbol.option_type.name[0]}"
    return text


def _terms(number: int) -> dict[str, Any]:
    fees = {"maker_fee": Decimal("0.0002"), "taker_fee": Decimal("0.0005")}
    if number % STEPLESS_EVERY == 0:
        return fees
    price, size = Decimal(1).scaleb(-(number % 8)), Decimal(1).scaleb(-(number % 5))
    sizes = {"lot_size": size, "min_order_size": size, "max_order_size": size * 1_000_000}
    return {**fees, **sizes, "tick_size": price, "min_notional": Decimal(5)}
