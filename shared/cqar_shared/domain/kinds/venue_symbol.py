"""A listing: one spelling at one venue during one period, and the symbol that it means.

A venue may reuse a spelling, so its meaning depends on time. The period is
[listed_at, delisted_at); an unknown listed_at is open to the past. At one instant a spelling has
one meaning: `_check_period` refuses an overlap with a message, and an exclusion constraint in
PostgreSQL guarantees it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from cqc.venues.v1 import venue_symbol_pb2

from cqar_shared.domain import decimals, rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by
from cqar_shared.domain.listing_term_rules import (
    PHASES_MAX,
    CombinationLeg,
    PermissionGroups,
    ScheduledTerm,
    check_legs,
    check_scheduled,
    check_terms,
)
from cqar_shared.domain.rules import overlap
from cqar_shared.errors import FieldViolation


class MarketStatusCode(enum.IntEnum):
    PREOPEN = 1
    ONLINE = 2
    POST_ONLY = 3
    CANCEL_ONLY = 4
    REDUCE_ONLY = 5
    HALTED = 6
    DELISTED = 7
    AUCTION = 8
    PRE_MARKET = 9
    SETTLING = 10
    SELL_ONLY = 11


class OrderUnitCode(enum.IntEnum):
    """What a quantity on an order counts."""

    BASE = 1
    QUOTE = 2
    CONTRACT = 3


class SpellingChannelCode(enum.IntEnum):
    """Where a venue uses an alias of a listing."""

    REST = 1
    WS = 2
    WS_V2 = 3
    FIX = 4
    ID = 5


ACTIVE: Final = frozenset(
    {MarketStatusCode.ONLINE, MarketStatusCode.POST_ONLY, MarketStatusCode.PRE_MARKET}
)
#: The terms of trading a listing; an alias has none.
TERMS: Final = (
    "maker_fee",
    "taker_fee",
    "min_order_value",
    "max_order_value",
    "min_notional",
    "max_leverage",
    "tick_size",
    "lot_size",
    "min_order_size",
    "max_order_size",
    "contract_size",
    "unit_multiplier",
    "market_lot_size",
    "market_min_size",
    "market_max_size",
    "min_price",
    "max_price",
    "bid_multiplier_up",
    "bid_multiplier_down",
    "ask_multiplier_up",
    "ask_multiplier_down",
    "market_min_notional",
    "market_max_notional",
    "initial_margin_rate",
    "maintenance_margin_rate",
)
#: The other terms, each None or empty where it is not known.
OTHER_TERMS: Final = (
    *("tick_bands", "price_significant_digits", "order_unit", "trading_starts_at", "phases"),
    *("scheduled", "permission_groups", "quote_alternatives", "order_types", "time_in_force"),
    *("funding_interval_s", "legs", "doubts"),
)
#: Terms that are lists; an empty one is None.
_LISTS: Final = (
    *("phases", "scheduled", "permission_groups", "quote_alternatives", "order_types"),
    *("time_in_force", "legs", "doubts", "channels"),
)
#: What a venue may announce; an end is announced as `delisted_at`.
_ANNOUNCED: Final = frozenset(
    status.name for status in MarketStatusCode if status is not MarketStatusCode.DELISTED
)
#: Number of the symbol type COMBO; kinds do not import each other.
_COMBO: Final = 100


class ListingTickBand(msgspec.Struct, frozen=True, kw_only=True):
    """The tick of prices from `from_price` up to the next band."""

    from_price: Decimal = Decimal(0)
    tick_size: Decimal = Decimal(0)


class ListingPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of trading; None of a time: not known."""

    status: MarketStatusCode | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None


class VenueSymbol(Entity, frozen=True, kw_only=True):
    """A listing.

    Attributes:
        venue_symbol: The venue's own spelling, compared exactly.
        maker_fee, taker_fee: Fractions; negative is a rebate.
        tick_size, lot_size, min_order_size: In the venue's own price and order units.
        unit_multiplier: Canonical base units in one venue unit: 1000 for 1000SHIBUSDT.
        alias_of: The primary spelling at the same venue that this one is an alias of.
        first_seen_at: When this registry first saw it, which may be long after the listing.
        terms_since: Since when everything but identity and period is as it is here; None if not
            known. The registry keeps it.
        terms_stated_at: The newest instant after that at which they were stated to be so still;
            None: they were not, or it was not to be noted. The registry keeps it.
        order_unit: What the quantity of an order counts; sizes are in it.
        market_lot_size, market_min_size, market_max_size: Of market orders, where stated apart.
        min_price, max_price: May be negative, as of a spread.
        bid_multiplier_up … ask_multiplier_down: A price may be at most (up) and at least (down)
            this many times a reference price.
        initial_margin_rate, maintenance_margin_rate: Fractions, of the first tier.
        trading_starts_at: When continuous trading starts, where stated beside listed_at.
        scheduled: Changes of terms that are announced, ascending.
        channels: Where the venue uses this spelling, such as WS; only of an alias.
        permission_groups: An account needs one group of each set.
        legs: Of a combination.
        doubts: Reasons that deny opening until they are decided.
    """

    listing_id: str = ""
    venue_id: str = ""
    symbol_id: str = ""
    venue_symbol: str = ""
    status: MarketStatusCode | None = None
    is_primary: bool | None = None
    alias_of: str | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    min_order_value: Decimal | None = None
    max_order_value: Decimal | None = None
    min_notional: Decimal | None = None
    max_leverage: Decimal | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_order_size: Decimal | None = None
    max_order_size: Decimal | None = None
    contract_size: Decimal | None = None
    unit_multiplier: Decimal | None = None
    tick_bands: tuple[ListingTickBand, ...] = ()
    price_significant_digits: int | None = None
    listed_at: dt.datetime | None = None
    delisted_at: dt.datetime | None = None
    first_seen_at: dt.datetime | None = None
    terms_since: dt.datetime | None = None
    terms_stated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    market_lot_size: Decimal | None = None
    market_min_size: Decimal | None = None
    market_max_size: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    bid_multiplier_up: Decimal | None = None
    bid_multiplier_down: Decimal | None = None
    ask_multiplier_up: Decimal | None = None
    ask_multiplier_down: Decimal | None = None
    market_min_notional: Decimal | None = None
    market_max_notional: Decimal | None = None
    initial_margin_rate: Decimal | None = None
    maintenance_margin_rate: Decimal | None = None
    order_unit: OrderUnitCode | None = None
    trading_starts_at: dt.datetime | None = None
    phases: tuple[ListingPhase, ...] | None = None
    scheduled: tuple[ScheduledTerm, ...] | None = None
    channels: tuple[str, ...] | None = None
    permission_groups: tuple[PermissionGroups, ...] | None = None
    quote_alternatives: tuple[str, ...] | None = None
    order_types: tuple[str, ...] | None = None
    time_in_force: tuple[str, ...] | None = None
    funding_interval_s: int | None = None
    legs: tuple[CombinationLeg, ...] | None = None
    doubts: tuple[str, ...] | None = None


#: Identity and period of a listing, and where it is spelled so; the other fields are terms.
_IDENTITY: Final = (
    *("listing_id", "venue_id", "symbol_id", "venue_symbol", "channels"),
    *("listed_at", "delisted_at", "first_seen_at", "terms_since", "terms_stated_at"),
)
_DATED: Final = tuple(n for n in VenueSymbol.__struct_fields__ if n not in _IDENTITY)


def _others(after: VenueSymbol, found: Iterable[VenueSymbol]) -> Iterator[VenueSymbol]:
    return (v for v in found if v.listing_id != after.listing_id and overlap(v, after))


def existing_listing(given: VenueSymbol, registry: RegistryView) -> VenueSymbol | None:
    """Return the listing that an upsert without an id means: of its period, else the open one.

    What is said as of an instant is of the period that covers the instant, if there is one.
    """
    found: list[VenueSymbol]
    found = list(registry.find("venue_symbol", "spelling", given.venue_id, given.venue_symbol))
    if given.listed_at is None:
        covering = _covering(found, registry.as_of) if registry.as_of else None
        return covering or first_open(found, registry.now)
    return next((v for v in found if v.listed_at == given.listed_at), None)


def _covering(listings: Iterable[VenueSymbol], at: dt.datetime) -> VenueSymbol | None:
    """Return the listing whose known period covers an instant."""
    return next(
        (v for v in listings if (v.listed_at is None or v.listed_at <= at) and is_open(v, at)),
        None,
    )


def complete(before: VenueSymbol | None, given: VenueSymbol, registry: RegistryView) -> VenueSymbol:
    """Fill what a statement leaves open, and set since when its terms hold."""
    after = _completed(before, given, registry)
    dating = _dating(before, after, registry)
    if before is not None and dating.keeps_terms:
        kept = {name: getattr(before, name) for name in _DATED}
        if after.status is MarketStatusCode.DELISTED:
            kept["status"] = MarketStatusCode.DELISTED
        after = msgspec.structs.replace(after, **kept)
    return msgspec.structs.replace(
        after, terms_since=dating.since, terms_stated_at=dating.stated_at
    )


def past(
    before: VenueSymbol | None, given: VenueSymbol, registry: RegistryView
) -> tuple[VenueSymbol, ...]:
    """Return the listing as a statement says that it was, where that goes behind the present.

    Only what is said as of an instant can, or what is to be noted though it is so already.
    """
    if before is None or not (registry.as_of or registry.confirms):
        return ()
    after = _completed(before, given, registry)
    at = _dating(before, after, registry).past_at
    if at is None:
        return ()
    status = given.status or terms_now(before, at).status
    if not is_open(after, at):
        status = MarketStatusCode.DELISTED
    return (msgspec.structs.replace(after, status=status, terms_since=at, terms_stated_at=None),)


def _completed(
    before: VenueSymbol | None, given: VenueSymbol, registry: RegistryView
) -> VenueSymbol:
    changes: dict[str, Any] = {}
    given = rules.without_empty(given, *_LISTS)
    status = given.status
    if status is None and before is not None:
        status = terms_now(before, registry.as_of or registry.now).status
    elif status is None:
        status = MarketStatusCode.ONLINE
    if status is MarketStatusCode.DELISTED and given.delisted_at is None:
        changes["delisted_at"] = (before and before.delisted_at) or registry.as_of or registry.now
    elif given.delisted_at is not None and given.delisted_at <= registry.now:
        status = MarketStatusCode.DELISTED
    changes["status"] = status
    if before is not None:
        if (end := _later_end(before, given, registry)) is not None:
            changes["delisted_at"] = end
            if end <= registry.now:
                changes["status"] = MarketStatusCode.DELISTED
        changes["listed_at"] = given.listed_at or before.listed_at
        changes["first_seen_at"] = given.first_seen_at or before.first_seen_at
    else:
        changes["listed_at"] = given.listed_at or (None if registry.historical else registry.now)
        changes["first_seen_at"] = given.first_seen_at or registry.now
    after = msgspec.structs.replace(given, **changes)
    if after.is_primary is None:
        is_primary = (
            before.is_primary if before else not after.alias_of and not _primary(after, registry)
        )
        after = msgspec.structs.replace(after, is_primary=is_primary)
    return after


def _later_end(
    before: VenueSymbol, given: VenueSymbol, registry: RegistryView
) -> dt.datetime | None:
    """Return the known end of a listing that was listed at an earlier instant, as is said now.

    An end to come is withdrawn by what is said later than it, and not by what is said earlier.
    """
    end, at = before.delisted_at, registry.as_of
    if end is None or at is None or given.delisted_at is not None or at >= end:
        return None
    latest = before.terms_stated_at or before.terms_since
    return end if end <= registry.now or (latest is not None and at < latest) else None


#: The fields of a listing that may change within its period.
terms_of: Final[Callable[[VenueSymbol], tuple[Any, ...]]] = attrgetter(*_DATED)


def sets_terms(before: Entity | None, after: Entity | None) -> bool:
    """Whether a change sets new terms of a listing, which are then stored by their instant."""
    if not isinstance(after, VenueSymbol) or after.terms_since is None:
        return False
    if not isinstance(before, VenueSymbol) or before.terms_since != after.terms_since:
        return True
    return terms_of(before) != terms_of(after)


def terms_now(listing: VenueSymbol, at: dt.datetime) -> VenueSymbol:
    """Return the listing with the announced changes that an instant has reached as its terms.

    What changes it later continues from there: otherwise an announced value would go on to replace
    a newer one.
    """
    reached = [c for c in listing.scheduled or () if c.effective_at and c.effective_at <= at]
    if not reached:
        return listing
    terms: dict[str, Any] = {
        change.field: MarketStatusCode[change.value]
        if change.field == "status"
        else decimals.parse(change.value)
        for change in reached
    }
    coming = tuple(change for change in listing.scheduled or () if change not in reached)
    return msgspec.structs.replace(listing, **terms, scheduled=coming or None)


class _Dating(NamedTuple):
    """Where a statement of a listing's terms stands among those that are known.

    Attributes:
        since, stated_at: The fields `terms_since` and `terms_stated_at` from now on.
        keeps_terms: The terms of before stand: the statement is of an earlier instant.
        past_at: The instant as of which the statement is stored, behind the present.
    """

    since: dt.datetime | None
    stated_at: dt.datetime | None = None
    keeps_terms: bool = False
    past_at: dt.datetime | None = None


def _dating(before: VenueSymbol | None, after: VenueSymbol, registry: RegistryView) -> _Dating:
    """Place a statement of a listing's terms.

    One as of an instant does not replace terms that are known of a later instant, or may be of
    one: it goes behind them, so that statements in any order give the same history. Only the end
    of the period counts in any case.
    """
    at = registry.as_of or registry.now
    if before is None:
        return _Dating(at)
    known, stated = before.terms_since, before.terms_stated_at
    latest = stated or known
    is_same = terms_of(after) == terms_of(before)
    unchanged = _Dating(known, stated)
    if registry.as_of is None and not is_same:
        # The clocks of two writers may differ.
        return _Dating(max(at, latest or at))
    if latest is not None and at >= latest:
        if not is_same:
            return _Dating(at)
        return _Dating(known, at, past_at=at) if registry.confirms and at > latest else unchanged
    if known is not None and known <= at:
        if is_same:
            return unchanged._replace(past_at=at if registry.confirms else None)
        # Between, the terms were others: the present ones hold since they were stated again.
        return _Dating(stated, stated, keeps_terms=True, past_at=at)
    if registry.as_of is None:
        return unchanged
    return unchanged._replace(keeps_terms=True, past_at=at)


def _primary(after: VenueSymbol, registry: RegistryView) -> VenueSymbol | None:
    """Return the primary spelling of the same symbol at the same venue in the same period."""
    found = registry.find("venue_symbol", "market", after.venue_id, after.symbol_id)
    return next((v for v in _others(after, found) if v.is_primary), None)


def check_venue_symbol(
    before: VenueSymbol | None, after: VenueSymbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("listing_id", after.listing_id)
    yield from rules.check_required(after, "venue_id", "symbol_id")
    yield from rules.check_printable("venue_symbol", after.venue_symbol)
    # Fills are booked by symbol. A live spelling that changed its symbol would silently move
    # them, and lookups of the past would be wrong: it must be delisted and listed again.
    yield from rules.check_immutable(
        before, after, "delist it and list it anew", "venue_id", "symbol_id", "venue_symbol"
    )
    yield from check_terms(after)
    yield from _check_parts(after, registry)
    if after.scheduled:
        yield from check_scheduled(after, TERMS, _ANNOUNCED)
    yield from _check_period(before, after, registry)
    if after.alias_of:
        yield from _check_alias(before, after, registry)
    elif after.is_primary and (rival := _primary(after, registry)):
        message = f"{rival.venue_symbol!r} is the primary spelling of this symbol here"
        yield FieldViolation("is_primary", "PRIMARY_TAKEN", message)


def _check_parts(after: VenueSymbol, registry: RegistryView) -> Iterator[FieldViolation]:
    phases = after.phases or ()
    if len(phases) > PHASES_MAX:
        yield FieldViolation("phases", "TOO_MANY", f"at most {PHASES_MAX}")
        return
    for place, phase in enumerate(phases):
        if phase.status is None:
            yield FieldViolation(f"phases[{place}].status", "REQUIRED", "is required")
        if phase.starts_at and phase.ends_at and phase.starts_at >= phase.ends_at:
            message = "must be later than starts_at"
            yield FieldViolation(f"phases[{place}].ends_at", "NOT_AFTER_START", message)
    if after.channels and not after.alias_of:
        yield FieldViolation("channels", "NOT_APPLICABLE", "only an alias has them")
    for word in after.channels or ():
        if word not in SpellingChannelCode.__members__:
            known = ", ".join(SpellingChannelCode.__members__)
            yield FieldViolation("channels", "UNKNOWN", f"{word!r} is none of {known}")
    if after.legs:
        symbol = registry.get("symbol", after.symbol_id)
        is_combo = symbol is None or symbol.symbol_type == _COMBO
        yield from check_legs(after, is_combo=is_combo)


def _check_period(
    before: VenueSymbol | None, after: VenueSymbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    if after.listed_at and after.delisted_at and after.listed_at >= after.delisted_at:
        yield FieldViolation("delisted_at", "NOT_AFTER_LISTING", "must be later than listed_at")
        return
    if after.status is MarketStatusCode.DELISTED and is_open(after, registry.now):
        yield FieldViolation(
            "status", "NOT_ENDED", "its end is still to come: until then it is listed"
        )
    if before is not None and not is_open(before, registry.now) and not registry.historical:
        yield FieldViolation("status", "FINAL", "a delisted spelling stays so: list it anew")
    found = registry.find("venue_symbol", "spelling", after.venue_id, after.venue_symbol)
    for rival in _others(after, found):
        message = f"means symbol {rival.symbol_id} in an overlapping period"
        yield FieldViolation("venue_symbol", "SPELLING_TAKEN", message)
        return


def _aliases_of(entity: VenueSymbol, registry: RegistryView) -> list[VenueSymbol]:
    """The aliases of a listing, which have its status and steps and none of their own."""
    found = registry.find("venue_symbol", "market", entity.venue_id, entity.symbol_id)
    return [v for v in _others(entity, found) if v.alias_of == entity.venue_symbol]


def _stood_for(aliases: Iterable[VenueSymbol]) -> str:
    return ", ".join(f"{v.venue_symbol!r} ({v.listing_id})" for v in aliases)


def check_removal(listing: VenueSymbol, registry: RegistryView) -> Iterator[FieldViolation]:
    if aliases := _aliases_of(listing, registry):
        message = f"it gives its terms to {_stood_for(aliases)}: remove those with it, before it"
        yield FieldViolation("listing_id", "HAS_ALIASES", message)


def _check_alias(
    before: VenueSymbol | None, after: VenueSymbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    was_none = before is not None and not before.alias_of
    if was_none and (aliases := _aliases_of(after, registry)):
        message = f"it gives its terms to {_stood_for(aliases)}: change those first"
        yield FieldViolation("alias_of", "HAS_ALIASES", message)
    if after.is_primary:
        yield FieldViolation("is_primary", "ALIAS", "an alias is not a primary spelling")
    for field in TERMS:
        if getattr(after, field) is not None:
            yield FieldViolation(f"exact.{field}", "ALIAS", "an alias has no terms of its own")
    for field in OTHER_TERMS:
        if getattr(after, field):
            yield FieldViolation(field, "ALIAS", "an alias has no terms of its own")
    found = registry.find("venue_symbol", "spelling", after.venue_id, after.alias_of)
    targets = list(_others(after, found))
    if not targets:
        yield FieldViolation(
            "alias_of", "NOT_FOUND", f"no spelling {after.alias_of!r} in this period"
        )
    elif targets[0].symbol_id != after.symbol_id:
        yield FieldViolation("alias_of", "OTHER_SYMBOL", "is a spelling of another symbol")
    elif targets[0].alias_of:
        yield FieldViolation("alias_of", "ALIAS", "is an alias itself")


def event_of(before: VenueSymbol | None, after: VenueSymbol | None) -> str:
    if after is None:
        return "venue_symbol_removed"
    if before is None:
        return "venue_symbol_listed"
    ended = before.delisted_at is None and after.delisted_at is not None
    return "venue_symbol_delisted" if ended else "venue_symbol_updated"


def is_open(entity: VenueSymbol, now: dt.datetime) -> bool:
    """Whether its end, if it has one, is still to come."""
    return entity.delisted_at is None or entity.delisted_at > now


def first_open(listings: Iterable[VenueSymbol], now: dt.datetime) -> VenueSymbol | None:
    """Of periods that have not ended, the one that is now, else the one that comes first."""
    begin = dt.datetime.min.replace(tzinfo=dt.UTC)
    coming = (v for v in listings if is_open(v, now))
    return min(coming, key=lambda v: v.listed_at or begin, default=None)


def delist(entity: VenueSymbol, at: dt.datetime) -> VenueSymbol:
    """End the period at `at`, which may be to come; what it meant until then stays."""
    return msgspec.structs.replace(entity, delisted_at=at)


VENUE_SYMBOL = Kind(
    name="venue_symbol",
    entity=VenueSymbol,
    message=venue_symbol_pb2.VenueSymbol,
    key=("listing_id",),
    table="venue_symbols",
    check=check_venue_symbol,
    complete=complete,
    existing=existing_listing,
    referents={"venue_id": "venue", "symbol_id": "symbol"},
    lookups={
        "spelling": by("venue_id", "venue_symbol"),
        "market": by("venue_id", "symbol_id"),
        "symbol": by("symbol_id"),
    },
    prefetch_lookups=("spelling", "market"),
    event=event_of,
    derived={"is_active": lambda v: v.status in ACTIVE},
    check_removal=check_removal,
    archives=True,
    present=terms_now,
    past=past,
)
