"""What an import would change, judged by the very rules that the writer will apply. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.apply import RejectedRecord
from cqar.importer.asset_identity import (
    AssetIdentity,
    TickerBinding,
    is_no_coin,
    looks_multiplied,
)
from cqar.importer.evidence import source_of
from cqar.importer.listing_proposals import READER, Proposals, open_listing, upsert
from cqar.importer.market import Code, Market
from cqar.importer.missing import Missing, find_missing
from cqar.importer.multipliers import Multiplier, note_multipliers, stated_multipliers
from cqar.importer.provenance import TERMS
from cqar.importer.registry_state import RegistryState
from cqar.importer.terms import STATED_TERMS, names_stated
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Batch, Item, Outcome, Result
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE, Venue
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode
from cqar_shared.domain.rules import CLOCKS_APART

#: In a venue's metadata, by type of product: since when its listing is followed.
LISTINGS_SINCE: Final = "listings_since"
#: The instant of the newest listing.
LISTINGS_AS_OF: Final = "listings_as_of"
#: The terms that the newest listing stated of at least one market.
STATED: Final = "terms_stated"
#: A newer listing that changes nothing is noted, too, once a day.
RECORDED_EVERY: Final = dt.timedelta(days=1)


class OutOfOrder(Exception):
    """The listing is older than what the registry was told last, or of the future."""


class Plan:
    """An import's changes, in the order in which they are to be applied.

    Attributes:
        state: The registry as it will be.
        reading: What the venue's answers say.
        changes: Outcomes that change something, by the order of kinds.
        unchanged: Listings that are already as the venue says.
        rejected: Markets that are not imported, and why.
        bindings: Codes that are bound to an asset now, by ticker alone.
        multiples: Codes that look like a multiple of a coin, which nobody has stated.
        vanished: Terms that the venue stated before and states of no market any more.
        notes: Lines for people.
    """

    def __init__(self, venue_id: str, state: RegistryState, reading: Reading) -> None:
        self.venue_id = venue_id
        self.at = state.now
        self.state = state
        self.reading = reading
        self.bindings: list[TickerBinding] = []
        self.changes: list[Outcome] = []
        self.unchanged = 0
        self.rejected: list[RejectedRecord] = []
        self.multiples: list[str] = []
        self.vanished: list[str] = []
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
    def doubted(self) -> list[Outcome]:
        """Listings that get a doubt: opening them will be denied."""
        return [o for o in self.changed if _doubts(o.after) - _doubts(o.before)]

    def untraced(self) -> Counter[str]:
        """In how many rows ccxt states a term that no field of the record does, by term."""
        return Counter(term for terms in self.reading.untraced.values() for term in terms)

    def is_untraced(self, spelling: str, field: str) -> bool:
        """Whether ccxt states it of this row, and no field of the record does."""
        return field in self.reading.untraced.get(spelling, ())

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


def _doubts(entity: Any) -> set[str]:
    return set(entity.doubts or ()) if entity is not None else set()


def make_plan(
    state: RegistryState,
    venue: Venue,
    reading: Reading,
    at: dt.datetime,
    multipliers: Mapping[str, Multiplier],
    *,
    allow_mass_change: bool = False,
) -> Plan:
    """Compare what a venue's answers say with the registry.

    Args:
        at: The instant of the answers.
        multipliers: Venue code -> what it stands for, beside what the registry has been told.

    Raises:
        OutOfOrder: The registry was told of a newer listing.
        MassChange: Too much is missing at once.
    """
    types = {market.symbol_type for market in reading.markets}
    since, as_of = (_instants(venue, name) for name in (LISTINGS_SINCE, LISTINGS_AS_OF))
    newest = max((as_of[kind] for kind in types & as_of.keys()), default=at)
    if at < newest:
        raise OutOfOrder(
            f"the registry has {venue.venue_id}'s listing as of {newest.isoformat()}: one of"
            f" {at.isoformat()} would undo it. Import listings in their order"
        )
    plan = Plan(venue.venue_id, state, reading)
    known = {**stated_multipliers(state), **multipliers}
    markets = [_with_multiplier(state, venue, m, known, plan) for m in reading.markets]
    identity = AssetIdentity(state, venue)
    identity.assign(code for market in markets for code in _codes(market) if code)
    identity.assign_multiples(
        (m.base.venue, m.multiple_of, _coin_id(known, m)) for m in markets if m.multiple_of
    )
    identity.assign_classes(
        (m.base, m.underlying_class) for m in markets if is_no_coin(m) and m.underlying_class
    )
    proposals = Proposals(
        state,
        venue,
        identity,
        reader=None if reading.is_reviewed else reading.reader,
        stated=_stated_terms(venue, markets, plan),
        last_seen=as_of,
    )
    for market in markets:
        try:
            proposals.propose(market)
        except ValueError as error:
            plan.rejected.append(RejectedRecord(market.spelling, str(error)))
    missing = find_missing(
        state, venue.venue_id, reading, proposals.spellings, allow_mass=allow_mass_change
    )
    plan.notes += missing.notes
    if proposals.archived:
        plan.unchanged += len(proposals.archived)
        plan.notes.append(f"{len(proposals.archived)} listings are archived: left as they are")
    notes = note_multipliers(state, identity, multipliers)
    used = _judge(state, [*notes, *_in_order(proposals, missing)], plan)
    plan.bindings = [binding for binding in identity.bindings if binding.asset_id in used]
    if lifted := [o for o in plan.changed if _is_lifted(o)]:
        plan.notes.append(
            f"{len(lifted)} listings that are HALTED here go ONLINE, as the venue says: a halt of"
            " your own does not outlive an import"
        )
    _record_sources(state, plan)
    _record_in_venue(state, venue, types, since, as_of, plan)
    return plan


def _record_sources(state: RegistryState, plan: Plan) -> None:
    """With every listing that is made or changed, what says so."""
    items = []
    for outcome in plan.of(VENUE_SYMBOL, Result.CREATED, Result.UPDATED):
        listing: Any = outcome.after
        source = source_of(plan.reading, listing.venue_symbol, listing.listing_id, plan.at)
        if source is not None and not listing.alias_of:
            items.append(upsert(LISTING_SOURCE, source))
    plan.changes += [outcome for outcome in Batch(items).judge(state) if outcome.changes]


def _coin_id(multipliers: Mapping[str, Multiplier], market: Market) -> str | None:
    stated = multipliers.get(market.base.venue)
    return stated.asset_id if stated else None


def _in_order(proposals: Proposals, missing: Missing) -> list[Item]:
    """What ends is judged first: its spelling or its symbol may begin anew."""
    ends = [upsert(VENUE_SYMBOL, entity) for entity in missing.ended]
    doubts = [upsert(VENUE_SYMBOL, entity) for entity in missing.doubted]
    return [*proposals.codes(), *proposals.ends, *ends, *proposals.items, *doubts]


def _stated_terms(venue: Venue, markets: Iterable[Market], plan: Plan) -> frozenset[str]:
    """The terms that are the venue's to say: those that it states now or stated before.

    One that it no longer states of any market is not known any more; the plan says so.
    """
    now = names_stated(markets)
    noted = venue.metadata or {}
    # An import of before readers noted nothing, and wrote what ccxt told.
    unnoted = TERMS if LISTINGS_SINCE in noted else ()
    recorded = noted.get(STATED)
    before = frozenset(recorded if isinstance(recorded, list) else unnoted)
    before &= frozenset(STATED_TERMS)
    plan.vanished = sorted(before - now)
    return now | before


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


def _record_in_venue(
    state: RegistryState,
    venue: Venue,
    types: set[SymbolTypeCode],
    since: Instants,
    as_of: Instants,
    plan: Plan,
) -> None:
    """Say in the venue's metadata how far its listing is known, and who read it.

    It is applied last: an import that was interrupted is then done again as it was begun.
    """
    noted = venue.metadata or {}
    recorded = noted.get(READER)
    readers = dict(recorded) if isinstance(recorded, dict) else {}
    readers |= {kind.name: plan.reading.reader for kind in types}
    stated = sorted(names_stated(plan.reading.markets) | {*noted.get(STATED, ())})
    is_later = any(plan.at - as_of[kind] >= RECORDED_EVERY for kind in types & as_of.keys())
    is_read_otherwise = readers != recorded or stated != noted.get(STATED)
    if not (plan.changes or types - since.keys() or is_later or is_read_otherwise):
        return
    since = {**dict.fromkeys(types, plan.at), **since}
    as_of = {**as_of, **dict.fromkeys(types, plan.at)}
    metadata = {**noted, READER: readers, STATED: stated, **_listing_metadata(since, as_of)}
    after = msgspec.structs.replace(venue, metadata=metadata)
    plan.changes += [o for o in Batch([upsert(VENUE, after)]).judge(state) if o.changes]


def _codes(market: Market) -> tuple[Code | None, ...]:
    """The codes that are their coins' own: a multiple's is not, nor a share's."""
    is_own = market.multiple_of is None and not is_no_coin(market)
    return market.base if is_own else None, market.quote, market.settlement, market.price


def _with_multiplier(
    state: RegistryState,
    venue: Venue,
    market: Market,
    multipliers: Mapping[str, Multiplier],
    plan: Plan,
) -> Market:
    """The market with the multiplier that was stated for its code.

    A code that looks like a multiple which nobody has stated is an asset of its own until then.
    """
    stated = multipliers.get(market.base.venue)
    if stated is not None:
        if stated.units == 1:
            return msgspec.structs.replace(market, base=Code(market.base.venue, stated.code))
        coin = Code(stated.code)
        return msgspec.structs.replace(market, unit_multiplier=stated.units, multiple_of=coin)
    known = open_listing(state, venue.venue_id, market.spelling)
    is_told = market.unit_multiplier is not None or (known and known.unit_multiplier is not None)
    if looks_multiplied(market.base) and not is_told:
        plan.multiples.append(market.base.venue)
    return market


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
