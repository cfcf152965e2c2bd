"""Prices of codes, as a venue's tickers state them. Pure."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from cqar.importer.answer_reader import Reading
from cqar.importer.identity.relisting import trades
from cqar.importer.market import Market
from cqar.importer.price_evidence import Quote
from cqar_shared.domain.kinds.symbol import SymbolTypeCode

#: Types whose price is of now; that of a dated contract is of another day.
_PRICED: Final = frozenset({SymbolTypeCode.SPOT, SymbolTypeCode.PERPETUAL})


class CodePrices:
    """Prices of one unit of each code: of markets that trade, at the instant of the answers."""

    def __init__(self, reading: Reading, markets: Iterable[Market], at: dt.datetime) -> None:
        self._reading = reading
        source = reading.prices_from
        self._at = min((source and source.taken_at) or at, at)
        self._markets: dict[str, list[Market]] = defaultdict(list)
        for market in markets if reading.prices else ():
            price = reading.prices.get(market.spelling)
            is_priced = market.symbol_type in _PRICED and price is not None and price > 0
            if is_priced and market.multiple_of is None and trades(market, at):
                self._markets[market.base.venue].append(market)

    def of(self, code: str, meanings: Mapping[str, str]) -> list[Quote]:
        """Prices in quotes of which it is known which asset they are.

        Args:
            meanings: Code -> asset id.
        """
        return [
            Quote(meanings[m.quote.venue], self._reading.prices[m.spelling], self._at, m.spelling)
            for m in self._markets.get(code, ())
            if m.quote.venue in meanings
        ]
