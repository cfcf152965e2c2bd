"""The canonical products of a synthetic market, each by its number. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from bench.registry.assets import Coin, an_id
from cqar_shared.domain.kinds.symbol import (
    CASH,
    ContractKindCode,
    OptionTypeCode,
    Symbol,
    SymbolTypeCode,
    notation,
)

#: Of a thousand symbols; the rest are options.
SPOTS: Final = 400
PERPETUALS: Final = 130
FUTURES: Final = 20
UNDERLYINGS_MAX: Final = 20
FUTURE_BASES_MAX: Final = 200
STRIKES: Final = 120
WEEK: Final = dt.timedelta(days=7)
FIRST_EXPIRY: Final = dt.timedelta(days=30)


class Product(NamedTuple):
    """A symbol, and the tickers that its spellings are made of."""

    symbol: Symbol
    base: str
    quote: str


class Products:
    """All symbols of a market: `product(n)` for n below `count`."""

    def __init__(
        self, count: int, quotes: Sequence[Coin], bases: Sequence[Coin], at: dt.datetime
    ) -> None:
        self.count = count
        self._quotes = quotes
        self._bases = bases
        self._at = at
        day = at.replace(hour=8, minute=0, second=0, microsecond=0)
        self._first_expiry = day + FIRST_EXPIRY

    def product(self, number: int) -> Product:
        place = number
        for share, made in ((SPOTS, self._spot), (PERPETUALS, self._perpetual)):
            size = self.count * share // 1000
            if place < size:
                return made(place)
            place -= size
        size = self.count * FUTURES // 1000
        return self._future(place) if place < size else self._option(place - size)

    def _spot(self, place: int) -> Product:
        turn, base = divmod(place, len(self._bases))
        return self._made(SymbolTypeCode.SPOT, self._bases[base], self._quotes[turn])

    def _perpetual(self, place: int) -> Product:
        """Settled in the quote; in a third turn, in the base."""
        turn, at = divmod(place, len(self._bases))
        base, quote = self._bases[at], self._quotes[turn]
        settlement = base if turn == 2 else quote
        return self._made(SymbolTypeCode.PERPETUAL, base, quote, settlement)

    def _future(self, place: int) -> Product:
        week, base = divmod(place, min(len(self._bases), FUTURE_BASES_MAX))
        expiry = self._first_expiry + week * WEEK
        return self._made(SymbolTypeCode.FUTURE, self._bases[base], self._quotes[0], expiry=expiry)

    def _option(self, place: int) -> Product:
        left, side = divmod(place, 2)
        left, step = divmod(left, STRIKES)
        week, base = divmod(left, min(len(self._bases), UNDERLYINGS_MAX))
        return self._made(
            SymbolTypeCode.OPTION,
            self._bases[base],
            self._quotes[2],
            self._bases[base],
            expiry=self._first_expiry + week * WEEK,
            strike=Decimal(1000 * (step + 1)),
            side=OptionTypeCode(side + 1),
        )

    def _made(
        self,
        symbol_type: SymbolTypeCode,
        base: Coin,
        quote: Coin,
        settlement: Coin | None = None,
        *,
        expiry: dt.datetime | None = None,
        strike: Decimal | None = None,
        side: OptionTypeCode | None = None,
    ) -> Product:
        settled = settlement or quote
        cash = symbol_type in CASH
        linear = ContractKindCode.LINEAR if settled is quote else ContractKindCode.INVERSE
        terms = (symbol_type, base.ticker, quote.ticker, settled.ticker, expiry, strike, side)
        symbol = Symbol(
            symbol_id=an_id(" ".join(map(str, terms))),
            symbol_type=symbol_type,
            base_asset_id=base.asset_id,
            quote_asset_id=quote.asset_id,
            settlement_asset_id=settled.asset_id,
            contract_kind=None if cash else linear,
            contract_size=None if cash else Decimal(1),
            expiry=expiry,
            strike_price=strike,
            option_type=side,
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.0001"),
            created_at=self._at,
            updated_at=self._at,
        )
        text = notation(symbol, base.ticker, quote.ticker, settled.ticker)
        named = msgspec.structs.replace(symbol, symbol=text)
        return Product(named, base.ticker, quote.ticker)
