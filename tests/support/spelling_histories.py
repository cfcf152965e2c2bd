"""Random histories of one venue's spellings, and what they say of any instant, in plain Python.

The registry is told of each change as it happens, or later with the instant that it is of. What is
replayed here knows neither of rows nor of snapshots: periods and terms are lists.
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any, Final, NamedTuple

from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, VenueSymbol
from tests.support.entity_builders import a_symbol, an_id
from tests.support.memory_registry_view import changed

BEGIN: Final = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
HOUR: Final = dt.timedelta(hours=1)
TICK: Final = dt.timedelta(microseconds=1)
STATUSES: Final = (MarketStatusCode.ONLINE, MarketStatusCode.HALTED, MarketStatusCode.POST_ONLY)


class Terms(NamedTuple):
    """What is varied of them; a status of None is not said: the period's own end."""

    status: MarketStatusCode
    tick: Decimal | None
    alias_of: str | None = None


class Period:
    """One meaning of a spelling."""

    def __init__(self, listing: VenueSymbol, since: dt.datetime, terms: Terms) -> None:
        self.listing = listing
        self.terms = [(since, terms)]

    @property
    def ends(self) -> dt.datetime | None:
        return self.listing.delisted_at

    def covers(self, at: dt.datetime) -> bool:
        begun = self.listing.listed_at is None or self.listing.listed_at <= at
        return begun and (self.ends is None or at < self.ends)

    def told(self, since: dt.datetime, terms: Terms) -> None:
        """Terms as of an instant; those of an earlier one go behind what is known of later."""
        if self.terms_at(since) == terms:
            return
        self.terms = [known for known in self.terms if known[0] != since]
        self.terms = sorted([*self.terms, (since, terms)], key=lambda known: known[0])

    def terms_at(self, at: dt.datetime) -> Terms | None:
        return next((terms for since, terms in reversed(self.terms) if since <= at), None)


class Said(NamedTuple):
    """What is known of a spelling at an instant."""

    status: str
    listing_id: str
    market_status: MarketStatusCode | None
    tick: str | None


class History:
    """A venue's spellings, and the clock at which the registry is told of them."""

    def __init__(self, venue_id: str, spellings: tuple[str, ...], seed: int) -> None:
        self.venue_id = venue_id
        self.now = BEGIN
        self._random = random.Random(seed)
        self._periods: dict[str, list[Period]] = {spelling: [] for spelling in spellings}
        self._count = 0

    def step(self) -> tuple[VenueSymbol, dt.datetime | None]:
        """What the registry is told next, and as of when if not now."""
        self.now += self._random.randint(0, 40) * HOUR + HOUR
        spelling = self._random.choice(list(self._periods))
        periods = self._periods[spelling]
        last = periods[-1] if periods else None
        if last is None or last.ends is not None:
            return self._begin(spelling, last), None
        match self._random.choice(("terms", "terms", "dated", "dated", "end", "past end")):
            case "terms":
                return self._change(last, None), None
            case "dated":
                as_of = self.now - self._random.randint(0, 60) * HOUR
                return self._change(last, as_of), as_of
            case choice:
                return self._end(last, choice), None

    def _terms(self) -> Terms:
        tick = self._random.choice((None, *map(Decimal, ("0.1", "0.01", "0.5"))))
        return Terms(self._random.choice(STATUSES), tick)

    def _begin(self, spelling: str, last: Period | None) -> VenueSymbol:
        self._count += 1
        terms = self._terms()
        begins = self.now + self._random.choice((0, 0, 30)) * HOUR
        if last is not None and last.ends is not None:
            begins = max(begins, last.ends)
        listing = VenueSymbol(
            listing_id=an_id(f"{self.venue_id} {spelling} {self._count}"),
            venue_id=self.venue_id,
            venue_symbol=spelling,
            symbol_id=a_symbol().symbol_id,
            status=terms.status,
            tick_size=terms.tick,
            lot_size=Decimal(1),
            is_primary=False,
            listed_at=begins,
        )
        self._periods[spelling].append(Period(listing, self.now, terms))
        return listing

    def _change(self, period: Period, as_of: dt.datetime | None) -> VenueSymbol:
        terms = self._terms()
        period.told(as_of or self.now, terms)
        return changed(period.listing, status=terms.status, tick_size=terms.tick)

    def _end(self, period: Period, choice: str) -> VenueSymbol:
        begun = period.listing.listed_at or BEGIN
        ends = self.now if choice == "end" else self.now - self._random.randint(1, 9) * HOUR
        period.listing = changed(period.listing, delisted_at=max(ends, begun + HOUR))
        _, terms = period.terms[-1]
        if period.ends is not None and period.ends <= self.now:
            terms = terms._replace(status=MarketStatusCode.DELISTED)
            period.told(self.now, terms)
        return changed(period.listing, status=None, tick_size=terms.tick)

    def instants(self, count: int) -> list[dt.datetime]:
        """Some that anything turns at, with those beside them, and some others."""
        turns = {BEGIN - HOUR}
        for periods in self._periods.values():
            for period in periods:
                turns |= {since for since, _ in period.terms}
                turns |= {at for at in (period.listing.listed_at, period.ends) if at}
        whole = int((self.now - BEGIN) / HOUR)
        others = [BEGIN + self._random.randint(0, whole) * HOUR for _ in turns]
        near = [turn + by for turn in turns for by in (-TICK, TICK * 0, TICK)]
        found = sorted({at for at in (*near, *others) if at <= self.now})
        return self._random.sample(found, min(count, len(found)))

    def said(self, spelling: str, at: dt.datetime) -> Said | None:
        """What the registry must know; None: nothing was ever told of it."""
        periods = self._periods[spelling]
        if not periods:
            return None
        covering = [p for p in periods if p.covers(at)]
        ended = [p for p in periods if p.ends is not None and p.ends <= at]
        period = (covering or ended[-1:] or periods)[0]
        status = "FOUND" if covering else "DELISTED" if ended else "NOT_YET_LISTED"
        terms = period.terms_at(at)
        if terms is None:
            return Said(status, period.listing.listing_id, None, None)
        market = MarketStatusCode.DELISTED if status == "DELISTED" else terms.status
        tick = "" if terms.tick is None else format(terms.tick, "f")
        return Said(status, period.listing.listing_id, market, tick)


def market_of(venue_id: str) -> Any:
    """The spellings that a history is of."""
    return tuple(f"{venue_id.upper()}{n}" for n in range(4))
