"""What an import would change, judged by the very rules that the writer will apply. Pure."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from cqar.venues.found import Code, Found, Rejected
from cqar.venues.identity import Identity, looks_multiplied
from cqar.venues.reading import Listing
from cqar.venues.state import RegistryState
from shared import codec
from shared.entities import KINDS
from shared.entities.asset import ASSET
from shared.entities.symbol import IDENTITY, SYMBOL, Symbol, complete, same_identity
from shared.entities.venue import VENUE, Venue
from shared.entities.venue_asset import VENUE_ASSET
from shared.entities.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, is_open
from shared.judge import Docket, Intent, Item, Outcome, Result
from shared.kind import AnyKind, Entity

#: In a venue's metadata: since when its whole listing is followed. A spelling that appears
#: later was listed then; one that stood in the first listing was listed nobody knows when.
LISTINGS_SINCE: Final = "listings_since"
#: More delistings at once than this share of the venue look like a cut-off file. Kraken
#: dropped 30 % of its pairs of 2021 by 2025: more in one import is not believed unasked.
DELISTED_SHARE_MAX: Final = 1 / 3
DELISTED_MIN: Final = 20

_TERMS: Final = (
    "tick_size",
    "lot_size",
    "min_order_size",
    "max_order_size",
    "min_notional",
    "contract_size",
    "price_significant_digits",
)


class Multiplier(NamedTuple):
    """What a multiplied code stands for: 1000SHIB is 1000 SHIB."""

    code: str
    units: Decimal


class MassDelisting(Exception):
    """The listing lacks so much of what is registered that it looks cut off."""


class Plan:
    """An import's changes, in the order in which they are to be applied.

    Attributes:
        changes: Outcomes that change something, by the order of kinds.
        unchanged: Listings that are already as the venue says.
        rejected: What is not imported, and why.
    """

    def __init__(self, venue_id: str, at: dt.datetime) -> None:
        self.venue_id = venue_id
        self.at = at
        self.changes: list[Outcome] = []
        self.unchanged = 0
        self.rejected: list[Rejected] = []
        self.notes: list[str] = []

    def of(self, kind: AnyKind, *results: Result) -> list[Outcome]:
        return [o for o in self.changes if o.kind is kind and o.result in results]

    @property
    def listed(self) -> list[Outcome]:
        return self.of(VENUE_SYMBOL, Result.CREATED)

    @property
    def changed(self) -> list[Outcome]:
        return [o for o in self.of(VENUE_SYMBOL, Result.UPDATED) if not _ends(o)]

    @property
    def delisted(self) -> list[Outcome]:
        return [o for o in self.of(VENUE_SYMBOL, Result.UPDATED) if _ends(o)]

    @property
    def new_assets(self) -> list[Outcome]:
        return self.of(ASSET, Result.CREATED)

    @property
    def new_symbols(self) -> list[Outcome]:
        return self.of(SYMBOL, Result.CREATED)

    def fields_changed(self) -> Counter[str]:
        """How many listings change, by field; a status by where it goes."""
        counts: Counter[str] = Counter()
        for outcome in self.changed:
            for field, was, becomes in codec.differences(outcome.before, outcome.after):
                counts[f"status {was} → {becomes}" if field == "status" else field] += 1
        return counts


def _ends(outcome: Outcome) -> bool:
    before: Any = outcome.before
    after: Any = outcome.after
    return before.delisted_at is None and after.delisted_at is not None


def make_plan(
    state: RegistryState,
    venue: Venue,
    listing: Listing,
    at: dt.datetime,
    multipliers: Mapping[str, Multiplier],
    *,
    allow_mass_delisting: bool = False,
) -> Plan:
    """Compare a venue's listing with the registry.

    Args:
        at: The instant of the listing: new spellings are listed then, gone ones delisted.
        multipliers: Venue code -> what it stands for.

    Raises:
        MassDelisting: Too much is gone at once.
    """
    plan = Plan(venue.venue_id, at)
    plan.rejected += listing.rejected
    found = list(_with_multipliers(state, venue, listing.found, multipliers, plan))
    identity = Identity(state, venue)
    identity.assign(code for market in found for code in _codes(market) if code)
    since = (venue.metadata or {}).get(LISTINGS_SINCE)
    known_since = dt.datetime.fromisoformat(since) if isinstance(since, str) else None
    proposals = Proposals(state, venue, identity, at, is_new=known_since is not None)
    for market in found:
        proposals.propose(market)
    gone = list(_gone(state, listing, proposals.spellings | {r.spelling for r in plan.rejected}))
    _refuse_mass(state, gone, allowed=allow_mass_delisting)
    items = [
        *proposals.venue_items(known_since),
        *proposals.items,
        *(_upsert(VENUE_SYMBOL, delist(gone_one, at)) for gone_one in gone),
    ]
    _judge(state, items, plan)
    return plan


def _codes(market: Found) -> tuple[Code, Code, Code | None]:
    return market.base, market.quote, market.settle


def _with_multipliers(
    state: RegistryState,
    venue: Venue,
    found: Iterable[Found],
    multipliers: Mapping[str, Multiplier],
    plan: Plan,
) -> Iterator[Found]:
    """Drop markets whose base may be a multiple that nobody has stated."""
    for market in found:
        code = market.base.venue
        if code in multipliers or not looks_multiplied(code) or open_listing(state, venue, market):
            stated = multipliers.get(code)
            yield _restated(market, stated) if stated else market
        else:
            reason = (
                f"{code} looks like a multiple of a coin and nobody has said of how many:"
                f" --multiplier {code}=COIN:UNITS, or {code}={code}:1 if it is none"
            )
            plan.rejected.append(Rejected(market.spelling, reason))


def _restated(market: Found, stated: Multiplier) -> Found:
    base = Code(stated.code, stated.code)
    units = None if stated.units == 1 else stated.units
    return msgspec.structs.replace(market, base=base, unit_multiplier=units)


def open_listing(state: RegistryState, venue: Venue, market: Found) -> VenueSymbol | None:
    found = state.find(VENUE_SYMBOL.name, "spelling", venue.venue_id, market.spelling)
    return next((v for v in found if is_open(v, state.now)), None)


class Proposals:
    """Entities as the venue's listing wants them, each as an upsert of the whole."""

    def __init__(
        self,
        state: RegistryState,
        venue: Venue,
        identity: Identity,
        at: dt.datetime,
        *,
        is_new: bool,
    ) -> None:
        self._state = state
        self._venue = venue
        self._identity = identity
        self._at = at
        self._listed_at = at if is_new else None
        self._symbols: dict[tuple[Any, ...], str] = {}
        self.items: list[Item] = []
        self.spellings: set[str] = set()

    def venue_items(self, known_since: dt.datetime | None) -> Iterator[Item]:
        """New assets, their codes, and the venue's own note of when its listing began."""
        yield from (_upsert(ASSET, asset) for asset in self._identity.new_assets.values())
        yield from (_upsert(VENUE_ASSET, code) for code in self._identity.new_codes.values())
        if known_since is None:
            noted = {**(self._venue.metadata or {}), LISTINGS_SINCE: self._at.isoformat()}
            yield _upsert(VENUE, msgspec.structs.replace(self._venue, metadata=noted))

    def propose(self, market: Found) -> None:
        before = open_listing(self._state, self._venue, market)
        if before is not None and looks_multiplied(market.base.venue):
            # What a multiplied code means stands in the listing itself.
            symbol_id, multiplier = before.symbol_id, before.unit_multiplier
        else:
            symbol_id = self._symbol(market)
            multiplier = market.unit_multiplier or (before.unit_multiplier if before else None)
        self.spellings |= {market.spelling, *market.aliases}
        stated = {name: getattr(market, name) for name in _TERMS}
        terms = {name: value for name, value in stated.items() if value is not None}
        after = msgspec.structs.replace(
            before or self._fresh(market.spelling),
            symbol_id=symbol_id,
            status=market.status,
            unit_multiplier=multiplier,
            **terms,
        )
        if before is None and market.secondary:
            after = msgspec.structs.replace(after, is_primary=False)
        self.items.append(_upsert(VENUE_SYMBOL, after))
        for spelling in market.aliases:
            self._propose_alias(market, spelling, symbol_id)

    def _propose_alias(self, market: Found, spelling: str, symbol_id: str) -> None:
        named = msgspec.structs.replace(market, spelling=spelling)
        before = open_listing(self._state, self._venue, named)
        alias = msgspec.structs.replace(
            before or self._fresh(spelling),
            symbol_id=symbol_id,
            status=market.status,
            alias_of=market.spelling,
            is_primary=False,
        )
        self.items.append(_upsert(VENUE_SYMBOL, alias))

    def _fresh(self, spelling: str) -> VenueSymbol:
        return VenueSymbol(
            listing_id=str(uuid.uuid4()),
            venue_id=self._venue.venue_id,
            venue_symbol=spelling,
            listed_at=self._listed_at,
            first_seen_at=self._at,
        )

    def _symbol(self, market: Found) -> str:
        """The id of the market's symbol; a new one becomes an item of its own."""
        asset_of = self._identity.asset_of
        given = Symbol(
            symbol_type=market.symbol_type,
            base_asset_id=asset_of(market.base),
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
            symbol_id = known.symbol_id if known else str(uuid.uuid4())
            self._symbols[identity] = symbol_id
            if known is None:
                fresh = msgspec.structs.replace(given, symbol_id=symbol_id)
                self.items.append(_upsert(SYMBOL, fresh))
        return self._symbols[identity]


def _upsert(kind: AnyKind, entity: Entity) -> Item:
    return Item(kind=kind, intent=Intent.UPSERT, given=entity)


def _gone(state: RegistryState, listing: Listing, spellings: set[str]) -> Iterator[VenueSymbol]:
    """Open listings that the venue no longer names, of types that its listing speaks of."""
    types = {market.symbol_type for market in listing.found}
    for entity in list(state.all(VENUE_SYMBOL)):
        symbol = state.get(SYMBOL.name, entity.symbol_id)
        if (
            is_open(entity, state.now)
            and entity.venue_symbol not in spellings
            and symbol is not None
            and symbol.symbol_type in types
        ):
            yield entity


def _refuse_mass(state: RegistryState, gone: list[VenueSymbol], *, allowed: bool) -> None:
    """Aliases do not count: they come and go with what they stand for."""
    listed = [v for v in state.all(VENUE_SYMBOL) if is_open(v, state.now) and not v.alias_of]
    missing = [v for v in gone if not v.alias_of]
    if len(missing) > max(DELISTED_MIN, len(listed) * DELISTED_SHARE_MAX) and not allowed:
        raise MassDelisting(
            f"{len(missing)} of {len(listed)} listings are not in it: that looks like a cut-off"
            " file. If the venue really dropped them: --allow-mass-delisting"
        )


def _judge(state: RegistryState, items: list[Item], plan: Plan) -> None:
    outcomes = Docket(items).judge(state)
    wanted = {
        asset_id
        for o in outcomes
        if o.kind is SYMBOL and isinstance(o.after, Symbol)
        for asset_id in (
            o.after.base_asset_id,
            o.after.quote_asset_id,
            o.after.settlement_asset_id,
        )
    }
    for item, outcome in zip(items, outcomes, strict=True):
        given: Any = item.given
        if outcome.result is Result.REJECTED:
            name = getattr(given, "venue_symbol", None) or getattr(given, "symbol", outcome.key)
            reasons = "; ".join(f"{v.field}: {v.message}" for v in outcome.violations)
            plan.rejected.append(Rejected(name or outcome.key, reasons))
        elif outcome.result is Result.UNCHANGED:
            plan.unchanged += outcome.kind is VENUE_SYMBOL
        elif outcome.kind not in (ASSET, VENUE_ASSET) or given.asset_id in wanted:
            plan.changes.append(outcome)
    order = {kind.name: place for place, kind in enumerate(KINDS)}
    plan.changes.sort(key=lambda o: order[o.kind.name])
