"""What an older answer says, filled in behind the present. Pure.

It changes nothing of now. A period that covers the answer's instant gets the terms of its time.
What the answer names and no period covers becomes one that ends at the next answer. An end that
was seen late moves to where an older answer first lacks the spelling. So answers in any order give
the same history, but for a spelling that goes and comes back between two of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.listing_proposals import Proposals, channels_of, upsert
from cqar.importer.market import Market
from cqar.importer.missing import GONE_AFTER, MISSING_SINCE, NAMED_AT, SOURCE_MISSING, gone, noted
from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    MarketStatusCode,
    VenueSymbol,
    delist,
    is_open,
)

_NEVER: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


class PastProposals(Proposals):
    """Collects what an older answer takes: `items` are listings as of it, and their symbols.

    Attributes:
        present: Listings as they stand by newer answers, to be stored before `items`.

    Args:
        later: Type -> instants of newer answers, in their order.
    """

    def __init__(
        self, *about: Any, later: Mapping[SymbolTypeCode, Sequence[dt.datetime]], **options: Any
    ) -> None:
        super().__init__(*about, **options)
        self._later = later
        self.present: list[Item] = []
        self._begun: dict[str, dt.datetime] = {}

    def _period(self, spelling: str) -> VenueSymbol | None:
        """The period that covers the answer's instant, or may reach back to it."""
        at = self._state.now
        found = self._state.find(VENUE_SYMBOL.name, "spelling", self._venue_id, spelling)
        covering = [v for v in found if is_open(v, at) and (v.listed_at or at) <= at]
        return min(covering, key=lambda v: v.delisted_at or _NEVER, default=None)

    def _propose_meant(self, market: Market, period: VenueSymbol | None) -> None:
        at = self._state.now
        symbol_id = self._symbol_id(market, period)
        if period is not None and period.symbol_id != symbol_id:
            if (period.first_seen_at or at) <= at:
                message = "is known to have meant another product then"
                raise ValueError(message)
            self._part(market, period)
            period = None
        over = self._end_of(market)
        if over is not None and (period is not None or self._is_known_over(market, over)):
            return
        facts = self._facts(market, period)
        whole = period or msgspec.structs.replace(
            self._fresh(market, market.spelling, symbol_id),
            is_primary=False if over is not None or market.is_secondary else None,
            **facts,
        )
        self._place(market, whole, period, facts, over)
        if over is not None:
            return
        if facts["status"] is MarketStatusCode.DELISTED:
            facts["status"] = MarketStatusCode.ONLINE
        if whole.listed_at is None and market.listed_at is not None and market.listed_at <= at:
            facts["listed_at"] = market.listed_at
        self._state_then(whole, **facts)
        for spelling, channels in channels_of(market).items():
            other = self._period(spelling)
            alias = other or msgspec.structs.replace(
                self._fresh(market, spelling, symbol_id),
                is_primary=False,
                alias_of=market.spelling,
                channels=channels,
            )
            self._place(market, alias, other, {})
            self._state_then(alias, status=facts["status"])

    def _part(self, market: Market, later: VenueSymbol) -> None:
        """State that a period that may reach back began when its spelling changed its meaning."""
        seen, until = later.first_seen_at, self._identity.meant_until(market)
        if seen is None:
            return
        is_between = until is not None and self._state.now < until <= seen
        begun = until if is_between and until is not None else seen
        self._begun[later.listing_id] = begun
        self.present.append(upsert(VENUE_SYMBOL, msgspec.structs.replace(later, listed_at=begun)))

    def _is_known_over(self, market: Market, over: dt.datetime) -> bool:
        """Whether the period that the record says is over is known."""
        find = self._state.find
        known = find(VENUE_SYMBOL.name, "spelling", self._venue_id, market.spelling)
        return any((v.listed_at or over) <= over <= (v.delisted_at or over) for v in known)

    def _state_then(self, listing: VenueSymbol, **facts: Any) -> None:
        seen = min(listing.first_seen_at or self._state.now, self._state.now)
        then = msgspec.structs.replace(listing, first_seen_at=seen, **facts)
        self.items.append(upsert(VENUE_SYMBOL, then))

    def _place(
        self,
        market: Market,
        listing: VenueSymbol,
        known: VenueSymbol | None,
        facts: dict[str, Any],
        over: dt.datetime | None = None,
    ) -> None:
        """State how a listing stands by newer answers, where that is not stored yet."""
        at, later = self._state.now, self._later.get(market.symbol_type, ())
        missing, named = (noted(listing, name) for name in (MISSING_SINCE, NAMED_AT))
        now: VenueSymbol | None = listing
        if over is not None:
            now = msgspec.structs.replace(
                listing, delisted_at=over, status=MarketStatusCode.DELISTED
            )
        elif known is None:
            now = self._as_it_went(market, listing, later)
        elif missing is not None and missing <= at:
            is_doubted = SOURCE_MISSING in (listing.doubts or ()) and bool(later)
            now = self._as_it_went(market, listing, later) if is_doubted else None
        elif missing is not None:
            # When it was missed, it had the terms that it was named with last.
            is_over = not is_open(listing, missing)
            last = msgspec.structs.replace(listing, **facts)
            is_news = named is None or named < at
            now = gone(last, missing, at, is_over=is_over) if is_news else None
        else:
            told = listing.terms_stated_at or listing.terms_since
            # The newest answer named it so: that was not noted, as it changed nothing.
            is_untold = told is not None and told <= at and bool(later)
            now = listing if is_untold and is_open(listing, later[-1]) else None
        if now is not None:
            self.present.append(upsert(VENUE_SYMBOL, now))

    def _as_it_went(
        self, market: Market, listing: VenueSymbol, later: Sequence[dt.datetime]
    ) -> VenueSymbol:
        """A listing that no newer answer names: missing from the next one on."""
        at = self._state.now
        find = self._state.find
        known = find(VENUE_SYMBOL.name, "spelling", self._venue_id, listing.venue_symbol)
        dates = [self._begun.get(v.listing_id) or v.listed_at for v in known]
        begins = [date for date in dates if date is not None and date > at]
        until = self._identity.meant_until(market)
        begins += [until] if until is not None and later and until < later[0] else []
        end = min([*begins, *later[:1]], default=None)
        if end is None:
            return listing
        is_over = end in begins or end + GONE_AFTER <= later[-1]
        return gone(listing, end, at, is_over=is_over)

    def earlier_misses(self, reading: Reading) -> None:
        """Move ends that were seen late to this answer, if it lacks their spellings already."""
        at = self._state.now
        unreadable = {row.name for row in reading.unreadable}
        moved: dict[str, VenueSymbol] = {}
        ours = [v for v in self._state.all(VENUE_SYMBOL) if v.venue_id == self._venue_id]
        for listing in ours:
            missing, named = (noted(listing, name) for name in (MISSING_SINCE, NAMED_AT))
            symbol = self._state.get(SYMBOL.name, listing.symbol_id)
            if missing is None or named is None or symbol is None or not named < at < missing:
                continue
            name = listing.venue_symbol
            is_read = name in self.spellings or name in unreadable
            if not is_read and reading.covers(name, symbol.symbol_type):
                is_over = not is_open(listing, missing) or at + GONE_AFTER <= missing
                moved[name] = gone(listing, at, named, is_over=is_over)
        ended = {name for name, listing in moved.items() if listing.delisted_at == at}
        # An alias ends with what it stands for, and is judged before it.
        aliases = (v for v in ours if v.alias_of in ended and is_open(v, at))
        for listing in (*(delist(alias, at) for alias in aliases), *moved.values()):
            self.present.append(upsert(VENUE_SYMBOL, listing))
