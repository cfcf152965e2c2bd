"""What an import would change, judged by the very rules that the writer will apply. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from cqar.importer.asset_identity import AssetIdentity, TickerBinding, looks_multiplied
from cqar.importer.delistings import find_delistings
from cqar.importer.market_parser import VenueListing
from cqar.importer.parsed_market import AssetCode, ParsedMarket, RejectedRecord
from cqar.importer.registry_state import RegistryState
from cqar.importer.reviewed_venues import CCXT_REVIEWED, CCXT_UNREVIEWED, READER
from cqar.importer.upserts import Proposals, open_listing, upsert
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Batch, Item, Outcome, Result
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE, Venue
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, delist
from cqar_shared.domain.rules import CLOCKS_APART

#: In a venue's metadata, by type of product: since when its listing is followed. A spelling
#: that appears later was listed then; one that stood in the first listing nobody knows when.
LISTINGS_SINCE: Final = "listings_since"
#: The instant of the newest listing: an older one would undo it.
LISTINGS_AS_OF: Final = "listings_as_of"
#: A newer listing that changes nothing is noted, too, once a day.
RECORDED_EVERY: Final = dt.timedelta(days=1)


class Multiplier(NamedTuple):
    """What a multiplied code stands for: 1000SHIB is 1000 SHIB."""

    code: str
    units: Decimal


class OutOfOrder(Exception):
    """The listing is older than what the registry was told last, or of the future."""


class Plan:
    """An import's changes, in the order in which they are to be applied.

    Attributes:
        changes: Outcomes that change something, by the order of kinds.
        unchanged: Listings that are already as the venue says.
        rejected: What is not imported, and why.
        bindings: Codes that are bound to an asset now, by ticker alone.
        markets: What the listing names, in our words.
    """

    def __init__(
        self, venue_id: str, at: dt.datetime, markets: Sequence[ParsedMarket] = ()
    ) -> None:
        self.venue_id = venue_id
        self.at = at
        self.markets = markets
        self.bindings: list[TickerBinding] = []
        self._untraced = {market.spelling: market.untraced for market in markets}
        self.changes: list[Outcome] = []
        self.unchanged = 0
        self.rejected: list[RejectedRecord] = []
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

    @property
    def unreviewed(self) -> int:
        """Rows of whose kind nobody has compared ccxt's reading with the venue's records."""
        return sum(not market.is_reviewed for market in self.markets)

    @property
    def status_unstated(self) -> int:
        """Rows of whose status ccxt alone speaks."""
        return sum(not market.is_status_stated for market in self.markets)

    def untraced(self) -> Counter[str]:
        """In how many rows ccxt states a term that no field of the record does, by term."""
        return Counter(term for market in self.markets for term in market.untraced)

    def is_untraced(self, spelling: str, field: str) -> bool:
        """Whether ccxt states it of this row, and no field of the record does."""
        return field in self._untraced.get(spelling, ())

    def fields_changed(self) -> Counter[str]:
        """How many listings change, by field; a status by where it goes."""
        counts: Counter[str] = Counter()
        for outcome in self.changed:
            for field, was, becomes in entity_diff.visible_diff(outcome.before, outcome.after):
                counts[f"status {was} → {becomes}" if field == "status" else field] += 1
        return counts


def _ends(outcome: Outcome) -> bool:
    before: Any = outcome.before
    after: Any = outcome.after
    return before.delisted_at is None and after.delisted_at is not None


def _is_lifted(outcome: Outcome) -> bool:
    before: Any = outcome.before
    after: Any = outcome.after
    return (before.status, after.status) == (MarketStatusCode.HALTED, MarketStatusCode.ONLINE)


def make_plan(
    state: RegistryState,
    venue: Venue,
    listing: VenueListing,
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
        OutOfOrder: The registry was told of a newer listing.
        MassDelisting: Too much is gone at once.
    """
    types = {market.symbol_type for market in listing.markets}
    since, as_of = (_instants(venue, name) for name in (LISTINGS_SINCE, LISTINGS_AS_OF))
    newest = max((as_of[kind] for kind in types & as_of.keys()), default=at)
    if at < newest:
        raise OutOfOrder(
            f"the registry has {venue.venue_id}'s listing as of {newest.isoformat()}: one of"
            f" {at.isoformat()} would undo it. Import listings in their order"
        )
    plan = Plan(venue.venue_id, at, listing.markets)
    plan.rejected += listing.rejected
    markets = list(_with_multipliers(state, venue, listing.markets, multipliers, plan))
    identity = AssetIdentity(state, venue)
    identity.assign(code for market in markets for code in _codes(market) if code)
    identity.assign_multiples((m.base.venue, m.multiple_of) for m in markets if m.multiple_of)
    classes = ((m.base.venue, m.underlying_class) for m in markets if m.underlying_class)
    identity.assign_classes(classes)
    proposals = Proposals(state, venue, identity, followed=frozenset(since))
    for market in markets:
        try:
            proposals.propose(market)
        except ValueError as error:
            plan.rejected.append(RejectedRecord(market.spelling, str(error)))
    allow_mass, spellings = allow_mass_delisting, proposals.spellings
    gone = find_delistings(
        state, listing, spellings, plan.rejected, plan.notes, allow_mass=allow_mass
    )
    if proposals.archived:
        plan.unchanged += len(proposals.archived)
        plan.notes.append(f"{len(proposals.archived)} listings are archived: left as they are")
    # What ends is judged first: its spelling or its symbol may begin anew.
    ends = [upsert(VENUE_SYMBOL, delist(entity, at)) for entity in gone]
    used = _judge(state, [*proposals.codes(), *ends, *proposals.items], plan)
    plan.bindings = [binding for binding in identity.bindings if binding.asset_id in used]
    if lifted := [o for o in plan.changed if _is_lifted(o)]:
        plan.notes.append(
            f"{len(lifted)} listings that are HALTED here go ONLINE, as the venue says: a halt of"
            " your own does not outlive an import"
        )
    readers = _readers(venue, listing.markets)
    is_read_otherwise = readers != (venue.metadata or {}).get(READER)
    is_later = any(at - as_of[kind] >= RECORDED_EVERY for kind in types & as_of.keys())
    if plan.changes or types - since.keys() or is_later or is_read_otherwise:
        since = {**dict.fromkeys(types, at), **since}
        as_of = {**as_of, **dict.fromkeys(types, at)}
        _record_in_venue(state, venue, {READER: readers, **_listing_metadata(since, as_of)}, plan)
    return plan


def require_present(at: dt.datetime, now: dt.datetime) -> None:
    """Refuse a listing of the future.

    Raises:
        OutOfOrder: It is one.
    """
    if at > now + CLOCKS_APART:
        raise OutOfOrder(f"--at {at.isoformat()} has not come yet")


Instants = dict[SymbolTypeCode, dt.datetime]


def _instants(venue: Venue, name: str) -> Instants:
    recorded = (venue.metadata or {}).get(name)
    pairs = recorded.items() if isinstance(recorded, dict) else ()
    return {SymbolTypeCode[kind]: dt.datetime.fromisoformat(text) for kind, text in pairs}


def _listing_metadata(since: Instants, as_of: Instants) -> dict[str, Any]:
    return {
        LISTINGS_SINCE: {kind.name: instant.isoformat() for kind, instant in since.items()},
        LISTINGS_AS_OF: {kind.name: instant.isoformat() for kind, instant in as_of.items()},
    }


def _readers(venue: Venue, markets: Iterable[ParsedMarket]) -> dict[str, str]:
    """By type of product, who read the venue's newest listing of it."""
    recorded = (venue.metadata or {}).get(READER)
    readers = dict(recorded) if isinstance(recorded, dict) else {}
    for market in markets:
        readers[market.symbol_type.name] = CCXT_REVIEWED if market.is_reviewed else CCXT_UNREVIEWED
    return readers


def _record_in_venue(
    state: RegistryState, venue: Venue, metadata: dict[str, Any], plan: Plan
) -> None:
    """Say in the venue's metadata how far its listing is known, and who read it.

    It is applied last: an import that was interrupted is then done again as it was begun.
    """
    after = msgspec.structs.replace(venue, metadata={**(venue.metadata or {}), **metadata})
    plan.changes += [o for o in Batch([upsert(VENUE, after)]).judge(state) if o.changes]


def _codes(market: ParsedMarket) -> tuple[AssetCode | None, AssetCode, AssetCode | None]:
    """The codes that are their coins' own: a multiple's is not, nor a share's."""
    is_own = market.multiple_of is None and market.underlying_class is None
    return market.base if is_own else None, market.quote, market.settle


def _with_multipliers(
    state: RegistryState,
    venue: Venue,
    markets: Iterable[ParsedMarket],
    multipliers: Mapping[str, Multiplier],
    plan: Plan,
) -> Iterator[ParsedMarket]:
    """Drop markets whose base may be a multiple that nobody has stated."""
    for market in markets:
        code = market.base.venue
        known = open_listing(state, venue.venue_id, market.spelling)
        if code in multipliers or not looks_multiplied(market.base) or known:
            stated = multipliers.get(code)
            yield _restated(market, stated) if stated else market
        else:
            reason = (
                f"{code} looks like a multiple of a coin and nobody has said of how many:"
                f" --multiplier {code}=COIN:UNITS, or {code}={code}:1 if it is none"
            )
            plan.rejected.append(RejectedRecord(market.spelling, reason))


def _restated(market: ParsedMarket, stated: Multiplier) -> ParsedMarket:
    if stated.units == 1:
        return msgspec.structs.replace(market, base=AssetCode(market.base.venue, stated.code))
    units, coin = stated.units, stated.code
    return msgspec.structs.replace(market, unit_multiplier=units, multiple_of=coin)


def _judge(state: RegistryState, items: list[Item], plan: Plan) -> set[str]:
    """Keep what changes something, and of new symbols and assets what accepted listings need.

    Returns:
        The assets that accepted listings stand on.
    """
    outcomes = Batch(items).judge(state)
    accepted = [o for o in outcomes if o.kind is VENUE_SYMBOL and o.result is not Result.REJECTED]
    symbols = {o.after.symbol_id for o in accepted if o.after is not None}  # type: ignore[attr-defined]
    wanted: set[Any] = set()
    for symbol_id in symbols:
        symbol = state.get(SYMBOL.name, symbol_id)
        if symbol is not None:
            wanted |= {symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id}
    for item, outcome in zip(items, outcomes, strict=True):
        given: Any = item.given
        if outcome.result is Result.REJECTED:
            name = getattr(given, "venue_symbol", None) or getattr(given, "symbol", "")
            reasons = "; ".join(f"{v.field}: {v.message}" for v in outcome.violations)
            plan.rejected.append(RejectedRecord(name or outcome.key, reasons))
        elif outcome.result is Result.UNCHANGED:
            plan.unchanged += outcome.kind is VENUE_SYMBOL
        elif outcome.kind is SYMBOL:
            plan.changes += [outcome] if outcome.key in symbols else []
        elif outcome.kind not in (ASSET, VENUE_ASSET) or given.asset_id in wanted:
            plan.changes.append(outcome)
    order = {kind.name: place for place, kind in enumerate(KINDS)}
    plan.changes.sort(key=lambda o: order[o.kind.name])
    return wanted
