"""Which listings begin anew, and whether their code was in use between. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cqar.importer.market import Market
from cqar.importer.missing import SOURCE_MISSING
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    MarketStatusCode,
    VenueSymbol,
    first_open,
    is_open,
)

_OVER = (MarketStatusCode.DELISTED, MarketStatusCode.HALTED, MarketStatusCode.SETTLING)


class Return(NamedTuple):
    """A spelling that comes back.

    Attributes:
        before: What it meant last.
        ended: When that was over, or seen last.
        begins: When it begins anew: as the venue says, else the instant of the answers.
    """

    market: Market
    before: VenueSymbol
    ended: dt.datetime
    begins: dt.datetime


def is_listed_anew(
    market: Market, before: VenueSymbol, seen: dt.datetime | None, now: dt.datetime
) -> bool:
    """Whether the venue's date of listing lies after we last saw it: another period.

    An earlier date corrects what was stated before.

    Args:
        seen: When the venue's listing of the type was read last.
    """
    return (
        market.listed_at is not None
        and seen is not None
        and seen < market.listed_at <= now
        and (before.first_seen_at or seen) <= seen
        and before.listed_at != market.listed_at
    )


def is_over(market: Market, now: dt.datetime) -> bool:
    """Whether the record says that the market has ended."""
    end = market.ends_at or market.expiry
    return market.status is MarketStatusCode.DELISTED or (end is not None and end <= now)


def trades(market: Market, now: dt.datetime) -> bool:
    """Whether the record says that the market goes on, and is not halted."""
    return market.status not in _OVER and not is_over(market, now)


def return_of(
    state: RegistryState, venue_id: str, market: Market, seen: dt.datetime | None
) -> Return | None:
    """The return of a market's spelling after its end; None if it has not come back."""
    now = state.now
    periods = list(state.find(VENUE_SYMBOL.name, "spelling", venue_id, market.spelling))
    before = first_open(periods, now)
    begins = market.listed_at if market.listed_at and market.listed_at <= now else now
    if before is not None:
        if seen is None or not is_listed_anew(market, before, seen, now):
            return None
        return Return(market, before, seen, begins)
    ended = [v for v in periods if v.delisted_at is not None and v.delisted_at <= now]
    last = max(ended, key=lambda v: v.delisted_at or now, default=None)
    if last is None or last.delisted_at is None:
        return None
    if market.listed_at is not None and market.listed_at == last.listed_at:
        # The venue says that it is the listing of before.
        return None
    return Return(market, last, last.delisted_at, max(begins, last.delisted_at))


class CodeUse:
    """Where else an operator uses its assets: on the venue, and on its other product lines.

    Args:
        markets: Of the answers: what they say of a listing's status holds.
    """

    def __init__(self, state: RegistryState, venue_id: str, markets: Iterable[Market]) -> None:
        self._state = state
        self._venue_id = venue_id
        self._markets: Mapping[str, Market] = {market.spelling: market for market in markets}
        self._types = {market.symbol_type for market in self._markets.values()}
        self._listings: dict[str, list[VenueSymbol]] | None = None

    def between(self, asset_id: str, back: Iterable[Return]) -> VenueSymbol | None:
        """A listing that traded the asset while all of these were away, and does so now."""
        away = list(back)
        ended = min(one.ended for one in away)
        begins = max(one.begins for one in away)

        def was_there(listing: VenueSymbol) -> bool:
            begun = listing.listed_at is None or listing.listed_at <= ended
            return begun and (listing.first_seen_at is None or listing.first_seen_at < begins)

        return self._first_in_use(asset_id, away, was_there)

    def since(self, asset_id: str, back: Iterable[Return]) -> VenueSymbol | None:
        """A listing of the asset that was first seen after all of these came back, and trades."""
        away = list(back)
        begins = max(one.begins for one in away)

        def is_later(listing: VenueSymbol) -> bool:
            return listing.first_seen_at is not None and listing.first_seen_at >= begins

        return self._first_in_use(asset_id, away, is_later)

    def _first_in_use(
        self, asset_id: str, away: Sequence[Return], fits: Callable[[VenueSymbol], bool]
    ) -> VenueSymbol | None:
        """The first listing of the asset that fits and trades, and is none of those away."""
        returned = {one.market.spelling for one in away}
        for listing in self._of(asset_id):
            is_own = listing.venue_id == self._venue_id
            if is_own and listing.venue_symbol in returned:
                continue
            if fits(listing) and self._is_in_use(listing, is_own=is_own):
                return listing
        return None

    def _is_in_use(self, listing: VenueSymbol, *, is_own: bool) -> bool:
        market = self._markets.get(listing.venue_symbol) if is_own else None
        if market is not None:
            return trades(market, self._state.now)
        symbol = self._state.get(SYMBOL.name, listing.symbol_id)
        if is_own and symbol is not None and symbol.symbol_type in self._types:
            # The answers do not name it any more.
            return False
        return listing.status not in _OVER and SOURCE_MISSING not in (listing.doubts or ())

    def _of(self, asset_id: str) -> list[VenueSymbol]:
        if self._listings is None:
            self._listings = {}
            for listing in self._all():
                symbol = self._state.get(SYMBOL.name, listing.symbol_id)
                for one in assets_of(symbol) if symbol is not None else ():
                    self._listings.setdefault(one, []).append(listing)
        return self._listings.get(asset_id, [])

    def _all(self) -> Iterator[VenueSymbol]:
        """Open listings of coins' own units, of the operator."""
        own = (v for v in self._state.all(VENUE_SYMBOL) if v.venue_id == self._venue_id)
        for listing in (*own, *self._state.operator_listings):
            is_multiple = listing.unit_multiplier not in (None, 1)
            if is_open(listing, self._state.now) and not listing.alias_of and not is_multiple:
                yield listing


def assets_of(symbol: Symbol) -> set[str]:
    """The assets that a product is of, valued in and paid in."""
    found = (symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id)
    return {asset_id for asset_id in found if asset_id}


def assets_traded(state: RegistryState, venue_id: str) -> frozenset[str]:
    """The assets that the venue's open listings stand on; a multiple's code is not the coin's."""
    symbols = {
        listing.symbol_id
        for listing in state.all(VENUE_SYMBOL)
        if listing.venue_id == venue_id
        and is_open(listing, state.now)
        and listing.unit_multiplier is None
    }
    found: Iterable[Symbol | None] = (state.get(SYMBOL.name, symbol_id) for symbol_id in symbols)
    return frozenset(
        asset_id for symbol in found if symbol is not None for asset_id in assets_of(symbol)
    )
