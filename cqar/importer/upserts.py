"""Entities as a venue's listing wants them, each as an upsert of the whole. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cqar.importer.asset_identity import AssetIdentity, imported_id, looks_multiplied
from cqar.importer.parsed_market import ParsedMarket
from cqar.importer.provenance import TERMS
from cqar.importer.registry_state import RegistryState
from cqar.importer.reviewed_venues import CCXT_UNREVIEWED, READER
from cqar.importer.stable_ids import STEPS_AS_OF, catalogue_id
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET
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
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, first_open, is_open


def upsert(kind: AnyKind, entity: Entity) -> Item:
    return Item(kind=kind, intent=ChangeIntent.UPSERT, given=entity)


def open_listing(state: RegistryState, venue_id: str, spelling: str) -> VenueSymbol | None:
    """What a spelling means at the instant of the import."""
    found = state.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)
    return first_open(found, state.now)


def _listing_metadata(before: VenueSymbol | None, market: ParsedMarket) -> dict[str, Any] | None:
    """What is to be noted of a listing: that it was read unreviewed, so that answers say so.

    When the catalogue's steps were seen is noted no longer: these are newer.
    """
    noted = (before and before.metadata) or {}
    kept = {name: v for name, v in noted.items() if name not in (STEPS_AS_OF, READER)}
    if not market.is_reviewed:
        kept[READER] = CCXT_UNREVIEWED
    return kept or None


def _terms(before: VenueSymbol | None, market: ParsedMarket) -> dict[str, Any]:
    """The terms that the listing states.

    One that ccxt makes up is not known. What stands in the registry in its place is taken back if
    it is the very value, or if an import wrote it that knew no better: ccxt makes Hyperliquid's
    tick of the day's price. Any other value is somebody's own, and stays.
    """
    stated = {name: getattr(market, name) for name in TERMS}
    if before is not None and before.tick_bands:
        # Somebody knows better than the one tick that ccxt tells of such a market.
        stated["tick_size"] = None
    terms = {name: value for name, value in stated.items() if value is not None}
    if before is not None:
        knew_no_better = not market.is_reviewed and _is_of_before_readers(before)
        for name, value in market.untraced.items():
            if knew_no_better or getattr(before, name) == value:
                terms[name] = None
    return terms


def _is_of_before_readers(before: VenueSymbol) -> bool:
    """Whether its terms are of an import that did not ask what the record states.

    Since imports ask, they note who read the listing. Before, they made it, or brought the
    catalogue's up to date, whose date they took away.
    """
    noted = before.metadata or {}
    if READER in noted or STEPS_AS_OF in noted or before.first_seen_at is None:
        return False
    place = before.venue_id, before.venue_symbol
    seen = before.first_seen_at.isoformat()
    catalogues = catalogue_id("venue_symbol", "/".join(place))
    return before.listing_id in (imported_id("venue_symbol", *place, seen), catalogues)


class Proposals:
    """Collects `items`; `spellings` are all that the listing names, `archived` those left alone.

    Args:
        followed: Types whose listing was imported before: what is new in it was listed now.
            Of others nobody knows when.
    """

    def __init__(
        self,
        state: RegistryState,
        venue: Venue,
        identity: AssetIdentity,
        followed: frozenset[SymbolTypeCode],
    ) -> None:
        self._state = state
        self._venue_id = venue.venue_id
        self._identity = identity
        self._followed = followed
        self._symbols: dict[tuple[Any, ...], str] = {}
        self.items: list[Item] = []
        self.spellings: set[str] = set()
        self.archived: set[str] = set()

    def codes(self) -> Iterator[Item]:
        """New assets, and the venue's codes."""
        yield from (upsert(ASSET, asset) for asset in self._identity.new_assets.values())
        yield from (upsert(VENUE_ASSET, code) for code in self._identity.codes.values())

    def propose(self, market: ParsedMarket) -> None:
        """Add what a market takes.

        Raises:
            ValueError: One of its codes cannot be told from another.
        """
        self.spellings |= {market.spelling, *market.aliases}
        if market.spelling in self._state.archived:
            # What is over is not made current again by a listing of its time.
            self.archived |= {market.spelling, *market.aliases}
            return
        before = open_listing(self._state, self._venue_id, market.spelling)
        if before is not None and self._says_base(before, market):
            # What such a code means stands in the listing itself.
            symbol_id = before.symbol_id
        else:
            symbol_id = self._symbol(market)
        multiplier = market.unit_multiplier or (before.unit_multiplier if before else None)
        after = msgspec.structs.replace(
            before or self._fresh(market, market.spelling, symbol_id),
            symbol_id=symbol_id,
            status=market.status,
            unit_multiplier=multiplier,
            metadata=_listing_metadata(before, market),
            **_terms(before, market),
        )
        if before is None and market.secondary:
            after = msgspec.structs.replace(after, is_primary=False)
        self.items.append(upsert(VENUE_SYMBOL, after))
        for spelling in market.aliases:
            self._propose_alias(market, spelling, symbol_id)

    def _says_base(self, before: VenueSymbol, market: ParsedMarket) -> bool:
        """Whether the listing says what its base is, as no code does, and nobody says otherwise."""
        if market.underlying_class is not None:
            return True
        if market.multiple_of is None:
            return looks_multiplied(market.base)
        symbol = self._state.get(SYMBOL.name, before.symbol_id)
        base = symbol and self._state.get(ASSET.name, symbol.base_asset_id)
        return base is not None and base.symbol == market.multiple_of

    def _propose_alias(self, market: ParsedMarket, spelling: str, symbol_id: str) -> None:
        before = open_listing(self._state, self._venue_id, spelling)
        alias = msgspec.structs.replace(
            before or self._fresh(market, spelling, symbol_id),
            symbol_id=symbol_id,
            status=market.status,
            alias_of=market.spelling,
            is_primary=False,
        )
        self.items.append(upsert(VENUE_SYMBOL, alias))

    def _fresh(self, market: ParsedMarket, spelling: str, symbol_id: str) -> VenueSymbol:
        """A new period: from now on where the spelling or its symbol had one before."""
        find, venue_id = self._state.find, self._venue_id
        known = [
            *find(VENUE_SYMBOL.name, "spelling", venue_id, spelling),
            *find(VENUE_SYMBOL.name, "market", venue_id, symbol_id),
        ]
        at = self._state.now
        new = market.symbol_type in self._followed or any(not is_open(v, at) for v in known)
        return VenueSymbol(
            listing_id=imported_id("venue_symbol", venue_id, spelling, at.isoformat()),
            venue_id=venue_id,
            venue_symbol=spelling,
            listed_at=at if new else None,
            first_seen_at=at,
        )

    def _symbol(self, market: ParsedMarket) -> str:
        """The id of the market's symbol; a new one becomes an item of its own."""
        asset_of = self._identity.asset_of
        given = Symbol(
            symbol_type=market.symbol_type,
            base_asset_id=self._identity.base_of(market),
            quote_asset_id=asset_of(market.quote),
            settlement_asset_id=asset_of(market.settle) if market.settle else None,
            expiry=market.expiry,
            strike_price=market.strike,
            option_type=market.option_type,
        )
        whole = complete(None, given, self._state)
        identity = tuple(getattr(whole, name) for name in IDENTITY)
        if identity not in self._symbols:
            known = same_identity(given, self._state)
            symbol_id = known.symbol_id if known else imported_id("symbol", *identity)
            self._symbols[identity] = symbol_id
            if known is None:
                self.items.append(
                    upsert(SYMBOL, msgspec.structs.replace(given, symbol_id=symbol_id))
                )
        return self._symbols[identity]
