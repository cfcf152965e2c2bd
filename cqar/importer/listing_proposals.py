"""Entities as a venue's answers want them, each as an upsert of the whole. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cqar.importer.identity import (
    MEANING_UNDECIDED,
    AssetIdentity,
    imported_id,
    is_listed_anew,
    is_no_coin,
)
from cqar.importer.market import Code, Market
from cqar.importer.missing import MISSING_SINCE, NAMED_AT, without_source_doubts
from cqar.importer.registry_state import RegistryState
from cqar.importer.stable_ids import STEPS_AS_OF
from cqar.importer.terms import terms_stated
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.symbol import (
    IDENTITY,
    SYMBOL,
    Symbol,
    SymbolTypeCode,
    complete,
    same_identity,
)
from cqar_shared.domain.kinds.venue import Venue
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    MarketStatusCode,
    VenueSymbol,
    delist,
    first_open,
)

#: In a listing's metadata: its end was announced by the venue, and not set by a person.
ENDS_BY: Final = "ends_by"
#: In a listing's metadata, where no reader of ours read it.
READER: Final = "reader"
#: What of a symbol a market may state that is no part of its identity.
_SYMBOL_FACTS: Final = (
    *("underlying_class", "underlying", "settlement_method", "exercise_style", "last_trade_at"),
)


def upsert(kind: AnyKind, entity: Entity) -> Item:
    return Item(kind=kind, intent=ChangeIntent.UPSERT, given=entity)


def open_listing(state: RegistryState, venue_id: str, spelling: str) -> VenueSymbol | None:
    """What a spelling means at the instant of the import."""
    found = state.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)
    return first_open(found, state.now)


def announced_end(market: Market) -> dt.datetime | None:
    """When the market will be over: as announced, or when its contract expires."""
    return market.ends_at or market.expiry


def channels_of(market: Market) -> dict[str, tuple[str, ...] | None]:
    """A market's other spellings, each with the channels that use it."""
    found: dict[str, tuple[str, ...] | None] = {}
    for alias in market.aliases:
        known = found.get(alias.spelling) or ()
        own = (alias.channel.name,) if alias.channel is not None else ()
        found[alias.spelling] = (*known, *own) or None
    return {spelling: found[spelling] for spelling in found if spelling != market.spelling}


class Proposals:
    """Collects what markets take, as items.

    Attributes:
        items: Symbols, and listings after the symbols that they need.
        ends: Listings that the venue says are over, to be judged before `items`.
        spellings: All that the markets name.
        archived: Of these, those left alone.

    Args:
        reader: Who read the markets, if that is to be noted in each listing.
        stated: Terms that the venue states in general: one that a market lacks is not known of
            it. Other terms are left as they are.
        last_seen: Type -> when the venue's listing of the type was read last.
    """

    def __init__(
        self,
        state: RegistryState,
        venue: Venue,
        identity: AssetIdentity,
        *,
        reader: str | None,
        stated: frozenset[str],
        last_seen: dict[SymbolTypeCode, dt.datetime],
    ) -> None:
        self._state = state
        self._venue_id = venue.venue_id
        self._identity = identity
        self._reader = reader
        self._stated = stated
        self._last_seen = last_seen
        self._symbols: dict[tuple[Any, ...], str] = {}
        self._ended: dict[str, dt.datetime] = {}
        self.items: list[Item] = []
        self.ends: list[Item] = []
        self.spellings: set[str] = set()
        self.archived: set[str] = set()

    def codes(self) -> Iterator[Item]:
        """New assets, what ties them to others, and the venue's codes."""
        yield from (upsert(ASSET, asset) for asset in self._identity.new_assets.values())
        yield from (upsert(ASSET_RELATIONSHIP, e) for e in self._identity.relationships())
        yield from (upsert(VENUE_ASSET, code) for code in self._identity.venue_assets())

    def propose(self, market: Market) -> None:
        """Add what a market takes.

        Raises:
            ValueError: One of its codes cannot be told from another.
        """
        spellings = {market.spelling, *(alias.spelling for alias in market.aliases)}
        self.spellings |= spellings
        if market.spelling in self._state.archived:
            # What is over is not made current again by a listing of its time.
            self.archived |= spellings
            return
        self._propose_meant(market, self._period(market.spelling))

    def _period(self, spelling: str) -> VenueSymbol | None:
        """What a spelling means at the instant of the answers."""
        return open_listing(self._state, self._venue_id, spelling)

    def _propose_meant(self, market: Market, before: VenueSymbol | None) -> None:
        over = self._end_of(market)
        if over is not None:
            self._propose_end(market, before, over)
            return
        if before is not None and self._is_listed_anew(market, before):
            self._end(before, market.listed_at)
            before = None
        elif before is not None and self._identity.begins_anew(market):
            # It never left, and may mean another coin from now on.
            self._end(before, None)
            before = None
        symbol_id = self._symbol_id(market, before)
        if before is not None and self._is_parted(market, before, symbol_id):
            self._end(before, self._identity.meant_since(market))
            before = None
        after = msgspec.structs.replace(
            before or self._fresh(market, market.spelling, symbol_id),
            symbol_id=symbol_id,
            **self._facts(market, before),
            **self._announced_end(market, before),
        )
        if before is None and market.is_secondary:
            after = msgspec.structs.replace(after, is_primary=False)
        self.items.append(upsert(VENUE_SYMBOL, after))
        for spelling, channels in channels_of(market).items():
            self._propose_alias(market, spelling, channels, symbol_id, after.status)

    def _is_parted(self, market: Market, before: VenueSymbol, symbol_id: str) -> bool:
        """Whether somebody said that the code means another asset since a day of the period."""
        since = self._identity.meant_since(market)
        begun = before.listed_at or before.first_seen_at
        if since is None or begun is None or before.symbol_id == symbol_id:
            return False
        return max(begun, before.first_seen_at or begun) < since <= self._state.now

    def _end_of(self, market: Market) -> dt.datetime | None:
        """When the market ended, if the record says that it is over; now, if not when."""
        now = self._state.now
        announced = announced_end(market)
        if announced is not None and announced <= now:
            return announced
        if market.status is MarketStatusCode.DELISTED:
            stated = market.delisted_at
            return stated if stated is not None and stated <= now else now
        return None

    def _propose_end(self, market: Market, before: VenueSymbol | None, over: dt.datetime) -> None:
        if before is None:
            find = self._state.find
            known = find(VENUE_SYMBOL.name, "spelling", self._venue_id, market.spelling)
            if any(True for _ in known):
                return
        symbol_id = self._symbol_id(market, before)
        listing = before or msgspec.structs.replace(
            self._fresh(market, market.spelling, symbol_id), **self._facts(market, None)
        )
        if listing.listed_at is not None and listing.listed_at >= over:
            over = self._state.now
        ended = msgspec.structs.replace(listing, delisted_at=over)
        if before is None:
            ended = msgspec.structs.replace(
                ended, status=MarketStatusCode.DELISTED, is_primary=False
            )
            self.items.append(upsert(VENUE_SYMBOL, ended))
            return
        for alias in market.aliases:
            if (other := open_listing(self._state, self._venue_id, alias.spelling)) is not None:
                self._end(other, over)
        self.ends.append(upsert(VENUE_SYMBOL, ended))

    def _end(self, listing: VenueSymbol, at: dt.datetime | None) -> None:
        """End a period; what its spelling means from then on may be proposed after it."""
        end = at or self._state.now
        self._ended[listing.listing_id] = end
        self.ends.append(upsert(VENUE_SYMBOL, delist(listing, end)))

    def _is_listed_anew(self, market: Market, before: VenueSymbol) -> bool:
        """Whether the venue's date of listing lies after we last saw it: another period.

        An earlier date corrects what was stated before.
        """
        seen = self._last_seen.get(market.symbol_type)
        return is_listed_anew(market, before, seen, self._state.now)

    def _facts(self, market: Market, before: VenueSymbol | None) -> dict[str, Any]:
        """Status, terms, doubts and notes of a listing as the market states them."""
        terms = {n: v for n, v in terms_stated(market).items() if n in self._stated}
        # A token that stands for a part of a share is an asset of its own: no units of the share.
        stated = market.unit_multiplier if market.multiple_of is not None else None
        unit_multiplier = stated or (before.unit_multiplier if before else None)
        noted = (before and before.metadata) or {}
        kept = {
            name: value
            for name, value in noted.items()
            if name not in (STEPS_AS_OF, READER, MISSING_SINCE, NAMED_AT)
        }
        if self._reader is not None:
            kept[READER] = self._reader
        known = before.status if before else None
        if market.ends_at is not None:
            kept[ENDS_BY] = "venue"
        else:
            kept.pop(ENDS_BY, None)
        return {
            "status": market.status or known or MarketStatusCode.ONLINE,
            "unit_multiplier": unit_multiplier,
            "doubts": self._doubts(market, before),
            "metadata": kept or None,
            **terms,
        }

    def _doubts(self, market: Market, before: VenueSymbol | None) -> tuple[str, ...] | None:
        """The doubts that the answers do not settle."""
        doubts = without_source_doubts(before.doubts) if before else None
        if self._identity.is_undecided(market, is_new=before is None):
            return tuple(dict.fromkeys((*(doubts or ()), MEANING_UNDECIDED)))
        return doubts

    def _announced_end(self, market: Market, before: VenueSymbol | None) -> dict[str, Any]:
        """An end that the venue takes back is taken back; one that a person set stays."""
        dates: dict[str, Any] = {}
        if (end := announced_end(market)) is not None:
            dates["delisted_at"] = end
        elif before is not None and ENDS_BY in (before.metadata or {}):
            dates["delisted_at"] = None
        if before is not None and market.listed_at is not None:
            dates["listed_at"] = self._listing_date(market, before)
        return dates

    def _listing_date(self, market: Market, before: VenueSymbol) -> dt.datetime | None:
        """The venue's date, unless it lies in an earlier period or is to come."""
        stated = market.listed_at
        if stated is None or stated > self._state.now:
            return before.listed_at
        find = self._state.find
        periods = find(VENUE_SYMBOL.name, "spelling", self._venue_id, before.venue_symbol)
        earlier = (v for v in periods if v.listing_id != before.listing_id)
        if any(v.delisted_at is None or v.delisted_at > stated for v in earlier):
            return before.listed_at
        return stated

    def _propose_alias(
        self,
        market: Market,
        spelling: str,
        channels: tuple[str, ...] | None,
        symbol_id: str,
        status: MarketStatusCode | None,
    ) -> None:
        before = open_listing(self._state, self._venue_id, spelling)
        alias = msgspec.structs.replace(
            before or self._fresh(market, spelling, symbol_id),
            symbol_id=symbol_id,
            status=status,
            alias_of=market.spelling,
            channels=channels,
            is_primary=False,
        )
        self.items.append(upsert(VENUE_SYMBOL, alias))

    def _fresh(self, market: Market, spelling: str, symbol_id: str) -> VenueSymbol:
        """A new period: since the venue's date, if it states one that fits."""
        at = self._state.now
        find = self._state.find
        known = list(find(VENUE_SYMBOL.name, "spelling", self._venue_id, spelling))
        known = [v for v in known if v.listed_at is None or v.listed_at <= at]
        listed_at = market.listed_at if market.listed_at and market.listed_at <= at else None
        ends = [self._ended.get(v.listing_id) or v.delisted_at or at for v in known]
        if ends and (listed_at is None or listed_at < max(ends)):
            # Something else had this spelling until then.
            ended = [self._ended[v.listing_id] for v in known if v.listing_id in self._ended]
            listed_at = max(ends) if max(ends) in ended else at
        begun = (listed_at or at).isoformat()
        return VenueSymbol(
            listing_id=imported_id("venue_symbol", self._venue_id, spelling, begun),
            venue_id=self._venue_id,
            venue_symbol=spelling,
            symbol_id=symbol_id,
            listed_at=listed_at,
            first_seen_at=at,
        )

    def _symbol_id(self, market: Market, before: VenueSymbol | None) -> str:
        if before is not None and self._says_base(before, market):
            # What such a code means stands in the listing itself.
            return before.symbol_id
        return self._symbol(market)

    def _says_base(self, before: VenueSymbol, market: Market) -> bool:
        """Whether the listing says what its base is, as no code does, and nobody says otherwise."""
        if is_no_coin(market) or self._identity.keeps_meaning(market):
            return True
        if market.multiple_of is None:
            return before.unit_multiplier is not None and before.unit_multiplier != 1
        symbol = self._state.get(SYMBOL.name, before.symbol_id)
        base = symbol and self._state.get(ASSET.name, symbol.base_asset_id)
        return base is not None and base.symbol == market.multiple_of.ticker

    def _symbol(self, market: Market) -> str:
        """The id of the market's symbol; a new one becomes an item of its own."""
        given = self._symbol_of(market)
        whole = complete(None, given, self._state)
        identity = tuple(getattr(whole, name) for name in IDENTITY)
        if given.symbol_type is SymbolTypeCode.COMBO:
            # What it combines is what it is.
            identity = (*identity, given.underlying)
        if identity not in self._symbols:
            known = same_identity(given, self._state)
            symbol_id = known.symbol_id if known else imported_id("symbol", *identity)
            self._symbols[identity] = symbol_id
            if known is None:
                new = msgspec.structs.replace(given, symbol_id=symbol_id)
                self.items.append(upsert(SYMBOL, new))
            elif facts := self._new_facts(known, given):
                self.items.append(upsert(SYMBOL, msgspec.structs.replace(known, **facts)))
        return self._symbols[identity]

    def _symbol_of(self, market: Market) -> Symbol:
        def asset(code: Code | None) -> str | None:
            return self._identity.asset_of(code) if code is not None else None

        is_combo = market.symbol_type is SymbolTypeCode.COMBO
        return Symbol(
            symbol_type=market.symbol_type,
            base_asset_id=self._identity.base_of(market),
            quote_asset_id=self._identity.asset_of(market.quote),
            settlement_asset_id=asset(market.settlement),
            price_asset_id=asset(market.price),
            contract_kind=market.contract_kind,
            expiry=market.expiry,
            strike_price=market.strike,
            option_type=market.option_type,
            underlying_class=market.underlying_class,
            underlying=market.spelling if is_combo else market.underlying,
            settlement_method=market.settlement_method,
            exercise_style=market.exercise_style,
            last_trade_at=market.last_trade_at,
        )

    @staticmethod
    def _new_facts(known: Symbol, given: Symbol) -> dict[str, Any]:
        """What the market says of a known symbol and the registry does not know yet."""
        return {
            name: value
            for name in _SYMBOL_FACTS
            if getattr(known, name) is None and (value := getattr(given, name)) is not None
        }
