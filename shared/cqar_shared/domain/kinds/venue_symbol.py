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
from typing import Any, Final

import msgspec
from cqc.venues.v1 import venue_symbol_pb2

from cqar_shared.domain import decimals, rules
from cqar_shared.domain.alias_rules import check_alias, check_removal, others
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by
from cqar_shared.domain.listing_canaries import CanaryTerm, check_canaries, kept_canaries
from cqar_shared.domain.listing_dating import Dating, dating_of
from cqar_shared.domain.listing_term_rules import (
    CombinationLeg,
    PermissionGroups,
    ScheduledTerm,
    check_parts,
    check_scheduled,
    check_terms,
)
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
    *("time_in_force", "legs", "doubts", "channels", "canaries"),
)
#: What a venue may announce; an end is announced as `delisted_at`.
_ANNOUNCED: Final = frozenset(
    status.name for status in MarketStatusCode if status is not MarketStatusCode.DELISTED
)


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
        canaries: Values of terms that hold for resolvers of a group only, until they are decided.
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
    canaries: tuple[CanaryTerm, ...] | None = None


#: Identity and period of a listing, where it is spelled so, and what holds for groups only; the
#: other fields are terms.
_IDENTITY: Final = (
    *("listing_id", "venue_id", "symbol_id", "venue_symbol", "channels", "canaries"),
    *("listed_at", "delisted_at", "first_seen_at", "terms_since", "terms_stated_at"),
)
_DATED: Final = tuple(n for n in VenueSymbol.__struct_fields__ if n not in _IDENTITY)


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
    after = msgspec.structs.replace(
        after, terms_since=dating.since, terms_stated_at=dating.stated_at
    )
    # What changes nothing else takes no lapsed canary away: a venue's unchanged answer is none.
    if not after.canaries or after == before:
        return after
    canaries = kept_canaries(before, after, registry.now)
    return msgspec.structs.replace(after, canaries=canaries)


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
    given = rules.without_empty(given, *_LISTS)
    status = given.status
    if status is None and before is not None:
        status = terms_now(before, registry.as_of or registry.now).status
    elif status is None:
        status = MarketStatusCode.ONLINE
    changes = _period(before, msgspec.structs.replace(given, status=status), registry)
    end = changes["delisted_at"]
    # What held at an instant before its end is kept as it was: it ends by its period.
    is_over = end is not None and end <= (registry.as_of or registry.now)
    changes["status"] = MarketStatusCode.DELISTED if is_over else status
    seen = before.first_seen_at if before is not None else registry.now
    changes["first_seen_at"] = given.first_seen_at or seen
    after = msgspec.structs.replace(given, **changes)
    if after.is_primary is None:
        is_primary = (
            before.is_primary if before else not after.alias_of and not _primary(after, registry)
        )
        after = msgspec.structs.replace(after, is_primary=is_primary)
    return after


def _period(
    before: VenueSymbol | None, given: VenueSymbol, registry: RegistryView
) -> dict[str, Any]:
    """Return beginning and end. What is said of earlier changes neither, if they are known.

    An end to come is withdrawn by what is said later than it was announced, not by what is said
    earlier; and a listing that is known to be listed later did not end with an earlier answer.
    """
    at = registry.as_of or registry.now
    is_delisted = given.status is MarketStatusCode.DELISTED
    if before is None:
        begin = None if registry.historical else registry.now
        end = at if is_delisted else None
        return {
            "listed_at": given.listed_at or begin,
            "delisted_at": given.delisted_at or end,
        }
    known_end = before.delisted_at
    latest = before.terms_stated_at or before.terms_since
    if registry.as_of is not None and latest is not None and at < latest:
        return {
            "listed_at": before.listed_at or given.listed_at,
            "delisted_at": known_end or given.delisted_at,
        }
    end = given.delisted_at
    if end is None and is_delisted:
        end = known_end or at
    elif end is None and registry.as_of and known_end and at < known_end <= registry.now:
        end = known_end
    return {"listed_at": given.listed_at or before.listed_at, "delisted_at": end}


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


def _dating(before: VenueSymbol | None, after: VenueSymbol, registry: RegistryView) -> Dating:
    if before is None:
        # What describes the past may say since when: a listing that takes another one's place.
        stated = after.terms_since if registry.historical else None
        return Dating(registry.as_of or min(stated or registry.now, registry.now))
    is_same = terms_of(after) == terms_of(before)
    return dating_of(before.terms_since, before.terms_stated_at, registry, is_same=is_same)


def _primary(after: VenueSymbol, registry: RegistryView) -> VenueSymbol | None:
    """Return the primary spelling of the same symbol at the same venue in the same period."""
    found = registry.find("venue_symbol", "market", after.venue_id, after.symbol_id)
    return next((v for v in others(after, found) if v.is_primary), None)


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
    yield from check_parts(after, registry, SpellingChannelCode.__members__)
    if after.scheduled:
        yield from check_scheduled(after, TERMS, _ANNOUNCED)
    if after.canaries:
        yield from check_canaries(after, TERMS, _ANNOUNCED)
    yield from _check_period(before, after, registry)
    if after.alias_of:
        yield from check_alias(before, after, registry, TERMS, OTHER_TERMS)
    elif after.is_primary and (rival := _primary(after, registry)):
        message = f"{rival.venue_symbol!r} is the primary spelling of this symbol here"
        yield FieldViolation("is_primary", "PRIMARY_TAKEN", message)


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
    for rival in others(after, found):
        message = f"means symbol {rival.symbol_id} in an overlapping period"
        yield FieldViolation("venue_symbol", "SPELLING_TAKEN", message)
        return


def check_relinked(
    before: VenueSymbol | None, after: VenueSymbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    """Check a listing, open or ended, that means the symbol that its own was merged into."""
    yield from rules.check_required(after, "venue_id", "symbol_id")
    yield from rules.check_immutable(
        before, after, "merging leaves it as it is", "venue_id", "venue_symbol"
    )
    if after.is_primary and (rival := _primary(after, registry)):
        message = f"{rival.venue_symbol!r} is the primary spelling of this symbol here"
        yield FieldViolation("is_primary", "PRIMARY_TAKEN", message)


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
    check_relinked=check_relinked,
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
