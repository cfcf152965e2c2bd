"""What an import stores of the prices that were given with it: evidence for other imports. Pure.

One row for each asset that the listing's codes are bound to, of one unit of the asset: where a code
counts many, its price is divided by as many. Only spot markets and perpetuals count: a future's
price has interest in it, an option's is of the option.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal, Inexact
from typing import Any, Final, NamedTuple

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.market import Market
from cqar.importer.price_evidence import SAME_TIME
from cqar.importer.registry_state import RegistryState, holder_of
from cqar_shared.domain import decimals, rules
from cqar_shared.domain.evaluation import Outcome, Result
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE, QUOTES_MAX, AssetPrice, QuotedPrice
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol, SymbolTypeCode
from cqar_shared.domain.kinds.venue import Venue
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol

#: Of these what the registry keeps at most 16 of comes first.
_QUOTES: Final = ("USD", "USDT", "USDC", "EUR", "BTC", "ETH", "KRW", "JPY", "TRY")
#: Such a listing may mean another coin: its price is nobody's.
_UNDECIDED: Final = "MEANING_UNDECIDED"
_EXACT: Final = Context(prec=60, traps=[Inexact])


class _Ranked(NamedTuple):
    """A quote of an asset, by how much it is worth keeping."""

    rank: tuple[bool, int, str]
    quote: QuotedPrice


def price_outcomes(
    state: RegistryState,
    venue: Venue,
    reading: Reading,
    at: dt.datetime,
    changes: Iterable[Outcome] = (),
) -> list[Outcome]:
    """The prices to store; none where the stored ones are the same.

    Args:
        at: The instant of the answers, where the tickers state none.
        changes: What the import makes and changes: listings and symbols that `state` has not.
    """
    source, taken_at = reading.prices_from, reading.priced_at(at)
    if source is None or taken_at is None or not reading.prices:
        return []
    holder = holder_of(state, venue)
    quotes = _by_asset(state, venue, reading, taken_at, changes)
    found = []
    for asset_id, ranked in sorted(quotes.items()):
        before = state.get(ASSET_PRICE.name, f"{holder}/{asset_id}")
        given = AssetPrice(
            venue_id=holder,
            asset_id=asset_id,
            taken_at=taken_at,
            quotes=tuple(one.quote for one in sorted(ranked)),
            request=source.request[: rules.REQUEST_CHARS_MAX],
            sha256=source.sha256,
        )
        after = _merged(before, given, venue.venue_id)
        if after != before:
            result = Result.CREATED if before is None else Result.UPDATED
            key = ASSET_PRICE.key_of(after)
            found.append(
                Outcome(kind=ASSET_PRICE, key=key, result=result, before=before, after=after)
            )
    return found


def _by_asset(
    state: RegistryState,
    venue: Venue,
    reading: Reading,
    taken_at: dt.datetime,
    changes: Iterable[Outcome],
) -> dict[str, list[_Ranked]]:
    changed = _Changed(changes)
    found: dict[str, list[_Ranked]] = {}
    for market in reading.markets:
        price = reading.prices.get(market.spelling)
        if price is None or not _tells_the_coins_price(market):
            continue
        listing = changed.listing(state, venue.venue_id, market.spelling, taken_at)
        symbol = changed.symbol(state, listing.symbol_id) if listing is not None else None
        one = _unit_price(price, listing.unit_multiplier) if listing is not None else None
        if listing is None or symbol is None or one is None:
            continue
        quote = QuotedPrice(
            venue_id=venue.venue_id,
            venue_symbol=market.spelling,
            quote_asset_id=symbol.quote_asset_id,
            price=one,
        )
        rank = _rank(state, symbol, market.spelling)
        found.setdefault(symbol.base_asset_id, []).append(_Ranked(rank, quote))
    return found


def _tells_the_coins_price(market: Market) -> bool:
    kinds = (SymbolTypeCode.SPOT, SymbolTypeCode.PERPETUAL)
    return market.symbol_type in kinds and market.price is None and not market.legs


def _unit_price(price: Decimal, units: Decimal | None) -> Decimal | None:
    """The price of one unit of the asset; None if the quotient has no end."""
    if units is None:
        return price
    try:
        return decimals.parse(decimals.plain(_EXACT.divide(price, units)))
    except (Inexact, ValueError):
        return None


def _rank(state: RegistryState, symbol: Symbol, spelling: str) -> tuple[bool, int, str]:
    """Spot before perpetuals, and quotes that others have, too."""
    quote: Any = state.get(ASSET.name, symbol.quote_asset_id)
    ticker = quote.symbol if quote is not None else ""
    place = _QUOTES.index(ticker) if ticker in _QUOTES else len(_QUOTES)
    return symbol.symbol_type is not SymbolTypeCode.SPOT, place, spelling


class _Changed:
    """Listings and symbols as they will be."""

    def __init__(self, changes: Iterable[Outcome]) -> None:
        self._listings: dict[str, list[VenueSymbol]] = {}
        self._symbols: dict[str, Symbol] = {}
        for outcome in changes:
            after: Any = outcome.after
            if after is not None and outcome.kind is VENUE_SYMBOL:
                self._listings.setdefault(after.venue_symbol, []).append(after)
            elif after is not None and outcome.kind is SYMBOL:
                self._symbols[after.symbol_id] = after

    def listing(
        self, state: RegistryState, venue_id: str, spelling: str, at: dt.datetime
    ) -> VenueSymbol | None:
        """What a spelling means at an instant, if there is no doubt of it."""
        stored = state.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)
        periods = {listing.listing_id: listing for listing in stored}
        periods |= {listing.listing_id: listing for listing in self._listings.get(spelling, ())}
        covering = [listing for listing in periods.values() if _covers(listing, at)]
        if len(covering) != 1 or covering[0].alias_of:
            return None
        return None if _UNDECIDED in (covering[0].doubts or ()) else covering[0]

    def symbol(self, state: RegistryState, symbol_id: str) -> Symbol | None:
        return self._symbols.get(symbol_id) or state.get(SYMBOL.name, symbol_id)


def _covers(listing: VenueSymbol, at: dt.datetime) -> bool:
    is_begun = listing.listed_at is None or listing.listed_at <= at
    return is_begun and (listing.delisted_at is None or at < listing.delisted_at)


def _merged(before: AssetPrice | None, given: AssetPrice, venue_id: str) -> AssetPrice:
    """The row to store, with quotes of the operator's other lines that are of the same time."""
    own: Iterator[QuotedPrice] = iter(given.quotes or ())
    if before is None or before.taken_at is None or given.taken_at is None:
        return _limited(given, own)
    if abs(before.taken_at - given.taken_at) > SAME_TIME:
        # An older one does not replace it.
        return before if before.taken_at > given.taken_at else _limited(given, own)
    others = [q for q in before.quotes or () if q.venue_id != venue_id]
    newest = given if given.taken_at >= before.taken_at else before
    if newest is before and venue_id in {q.venue_id for q in before.quotes or ()}:
        return before
    return _limited(newest, [*own, *others])


def _limited(price: AssetPrice, quotes: Iterable[QuotedPrice]) -> AssetPrice:
    return msgspec.structs.replace(price, quotes=tuple(quotes)[:QUOTES_MAX])
