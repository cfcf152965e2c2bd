"""A whole synthetic market of so many listings: every entity, in the order of their kinds. Pure.

Lifelike in what answers cost: 24 venues, three in ten listings a product of their own, options
and futures among them, steps on the listing for most, an alias for one in 33 and as many delisted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bench.registry.assets import (
    JOINERS,
    VENUES,
    an_id,
    assets,
    coins,
    flags,
    venue_assets,
    venues,
)
from bench.registry.symbols import Product, Products
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.symbol import CASH, SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol

#: Not for so long that a writer archives it, which would be in the way of what is measured.
ENDED_BEFORE: Final = dt.timedelta(days=20)
#: One listing of so many is an alias of the one before it, and one is delisted.
EVERY: Final = 33
ALIAS: Final = 32
DELISTED: Final = 7
#: One of so many states no steps of its own: the symbol's apply.
STEPLESS_EVERY: Final = 20
LISTED_DAYS: Final = 1_500


class Spelled(NamedTuple):
    """What a lookup asks."""

    venue_id: str
    venue_symbol: str


class Market:
    """Listings, and all that they need.

    Args:
        listings: How many; at least 300. A million has 300,000 symbols and 20,020 assets.
        at: When it was made; expiries lie after it.
    """

    def __init__(self, listings: int, at: dt.datetime) -> None:
        if listings < 300:
            message = f"{listings} listings: at least 300"
            raise ValueError(message)
        self.listings = listings
        self._at = at
        self._quotes, self._bases = coins(listings // 50 + 20)
        self._products = Products(listings * 3 // 10, self._quotes, self._bases, at)

    def entities(self) -> Iterator[tuple[AnyKind, Entity]]:
        """Every entity, after all that it refers to."""
        all_coins = [*self._quotes, *self._bases]
        yield from ((ASSET, one) for one in assets(all_coins, self._at))
        yield from ((QUALITY_FLAG, one) for one in flags(self._bases, self._at))
        yield from ((VENUE, one) for one in venues(self._at))
        for number in range(self._products.count):
            yield SYMBOL, self._products.product(number).symbol
        yield from ((VENUE_ASSET, one) for one in venue_assets(all_coins, self._at))
        for number in range(self.listings):
            yield VENUE_SYMBOL, self.listing(number)

    def spelled(self, number: int) -> Spelled:
        listing = self.listing(number)
        return Spelled(listing.venue_id, listing.venue_symbol)

    def listing(self, number: int) -> VenueSymbol:
        """The listing of a number below `listings`."""
        role = number % EVERY
        if role == ALIAS:
            return self._alias(self.listing(number - 1), number)
        turn, symbol = divmod(number - number // EVERY, self._products.count)
        product = self._products.product(symbol)
        venue = (symbol * 7 + turn) % len(VENUES)
        ended = role == DELISTED
        listed_at = self._at - dt.timedelta(days=40 + number % LISTED_DAYS)
        return VenueSymbol(
            listing_id=an_id(f"listing {number}"),
            venue_id=VENUES[venue],
            symbol_id=product.symbol.symbol_id,
            venue_symbol=_spelling(product, JOINERS[venue % len(JOINERS)]),
            status=MarketStatusCode.DELISTED if ended else MarketStatusCode.ONLINE,
            is_primary=True,
            listed_at=listed_at,
            delisted_at=self._at - ENDED_BEFORE if ended else None,
            first_seen_at=listed_at,
            **_terms(number),
        )

    def _alias(self, of: VenueSymbol, number: int) -> VenueSymbol:
        return VenueSymbol(
            listing_id=an_id(f"listing {number}"),
            venue_id=of.venue_id,
            symbol_id=of.symbol_id,
            venue_symbol=f"{of.venue_symbol}.alt",
            status=MarketStatusCode.ONLINE,
            is_primary=False,
            alias_of=of.venue_symbol,
            listed_at=of.listed_at,
            first_seen_at=of.first_seen_at,
        )


def _spelling(product: Product, joiner: str) -> str:
    """No two products are spelled alike with one joiner."""
    symbol, text = product.symbol, f"{product.base}{joiner}{product.quote}"
    if symbol.symbol_type in CASH:
        return text
    if symbol.symbol_type is SymbolTypeCode.PERPETUAL:
        return f"{text}-PERP"
    assert symbol.expiry is not None
    text += f"-{symbol.expiry:%y%m%d}"
    if symbol.option_type is not None:
        text += f"-{symbol.strike_price:f}-{symbol.option_type.name[0]}"
    return text


def _terms(number: int) -> dict[str, Any]:
    fees = {"maker_fee": Decimal("0.0002"), "taker_fee": Decimal("0.0005")}
    if number % STEPLESS_EVERY == 0:
        return fees
    price, size = Decimal(1).scaleb(-(number % 8)), Decimal(1).scaleb(-(number % 5))
    return {
        **fees,
        "tick_size": price,
        "lot_size": size,
        "min_order_size": size,
        "max_order_size": size * 1_000_000,
        "min_notional": Decimal(5),
    }
