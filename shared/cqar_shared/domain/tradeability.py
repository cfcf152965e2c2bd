"""What a spelling means at an instant, in which steps it trades, and what its status allows. Pure.

Works on messages, as snapshots and PostgreSQL contain them. The time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar_shared.domain.instant import Instant, ns_of
from cqar_shared.errors import EntityNotFound

#: Steps of a symbol that apply if the listing has none of its own.
SYMBOL_STEPS: Final = (
    "tick_size",
    "lot_size",
    "min_order_size",
    "max_order_size",
    "min_notional",
    "contract_size",
)
#: Terms that only a venue states, with the same names in `Specs`.
_STATED: Final = frozenset(
    (
        *("market_lot_size", "market_min_size", "market_max_size", "min_price", "max_price"),
        *("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down"),
        *("market_min_notional", "market_max_notional"),
        *(
            "initial_margin_rate",
            "maintenance_margin_rate",
            "max_leverage",
            "maker_fee",
            "taker_fee",
        ),
    )
)
_S = venue_symbol_pb2.MarketStatus
_U = venue_symbol_pb2.OrderUnit


class StatusRow(NamedTuple):
    """What a status allows: each an order's intent."""

    open: bool = False
    post_only: bool = False
    reduce: bool = False
    cancel: bool = True


_ALL: Final = StatusRow(open=True, post_only=True, reduce=True)
_CLOSED: Final = StatusRow()
#: What each status allows, while the listing's period lasts. It is the only place that says so.
STATUS_TABLE: Final[Mapping[int, StatusRow]] = {
    _S.MARKET_STATUS_PREOPEN: _CLOSED,
    _S.MARKET_STATUS_ONLINE: _ALL,
    _S.MARKET_STATUS_POST_ONLY: StatusRow(post_only=True, reduce=True),
    _S.MARKET_STATUS_CANCEL_ONLY: _CLOSED,
    _S.MARKET_STATUS_REDUCE_ONLY: StatusRow(reduce=True),
    _S.MARKET_STATUS_HALTED: _CLOSED,
    _S.MARKET_STATUS_DELISTED: StatusRow(cancel=False),
    # An auction takes some orders and matches them later, at a price that nobody knows yet. Who
    # wants to take part knows the venue's rules of it, which the registry does not have.
    _S.MARKET_STATUS_AUCTION: _CLOSED,
    # Open to all, though the asset is not issued or listed elsewhere yet.
    _S.MARKET_STATUS_PRE_MARKET: _ALL,
    # Positions are being closed by the venue.
    _S.MARKET_STATUS_SETTLING: _CLOSED,
    # Selling what one has is getting out of it.
    _S.MARKET_STATUS_SELL_ONLY: StatusRow(reduce=True),
}
#: As `is_active` says it to CQC's clients.
ACTIVE: Final = frozenset(
    {_S.MARKET_STATUS_ONLINE, _S.MARKET_STATUS_POST_ONLY, _S.MARKET_STATUS_PRE_MARKET}
)
_DECIMALS: Final = frozenset(venue_symbol_pb2.VenueSymbolDecimals.DESCRIPTOR.fields_by_name)
#: Decimals with a double beside them, for CQC's clients.
_MIRRORED: Final = _DECIMALS & set(venue_symbol_pb2.VenueSymbol.DESCRIPTOR.fields_by_name)

Listing = venue_symbol_pb2.VenueSymbol


def listed_at(listing: Listing, at: Instant) -> bool:
    """Whether the listing's period covers an instant; an unknown beginning is open to the past."""
    if listing.HasField("listed_at") and not at.reached(listing.listed_at):
        return False
    return not (listing.HasField("delisted_at") and at.reached(listing.delisted_at))


def current_listing(listings: Iterable[Listing], now: Instant) -> Listing | None:
    """Return the listing that covers now, else the one that ended last.

    If there is neither, return the one that begins first.
    """
    ended: Listing | None = None
    coming: Listing | None = None
    for listing in listings:
        if listed_at(listing, now):
            return listing
        if not (listing.HasField("delisted_at") and now.reached(listing.delisted_at)):
            if coming is None or ns_of(listing.listed_at) < ns_of(coming.listed_at):
                coming = listing
        elif ended is None or ns_of(ended.delisted_at) < ns_of(listing.delisted_at):
            ended = listing
    return ended or coming


def terms_for(listing: Listing, primaries: Iterable[Listing], now: Instant) -> Listing:
    """Return the listing whose steps and status apply, as they are now.

    Args:
        listing: The listing that was asked for.
        primaries: For an alias, the periods of the spelling that it stands for. Those of another
            symbol are ignored. If none is left, the result has no steps and is halted.
    """
    if not listing.alias_of:
        return terms_at(listing, now)
    same = (p for p in primaries if p.symbol_id == listing.symbol_id and not p.alias_of)
    found = current_listing(same, now)
    if found is not None:
        return terms_at(found, now)
    return Listing(
        listing_id=listing.listing_id,
        venue_id=listing.venue_id,
        venue_symbol=listing.venue_symbol,
        symbol_id=listing.symbol_id,
        status=_S.MARKET_STATUS_HALTED,
    )


def status_row(listing: Listing) -> StatusRow:
    """Return what its status allows; one that is not known, or of a later release, only cancels."""
    return STATUS_TABLE.get(listing.status, _CLOSED)


def terms_at(listing: Listing, at: Instant) -> Listing:
    """Return the listing with the announced changes that an instant has reached.

    What is left in `scheduled` is still to come. Without any that was reached, it is the listing
    itself: do not change it.
    """
    if not listing.scheduled:
        return listing
    coming = [not at.reached(change.effective_at) for change in listing.scheduled]
    if all(coming):
        return listing
    told = Listing()
    told.CopyFrom(listing)
    del told.scheduled[:]
    for is_coming, change in zip(coming, listing.scheduled, strict=True):
        if is_coming:
            told.scheduled.add().CopyFrom(change)
            continue
        set_term(told, change.field, change.value)
        if not told.HasField("terms_since") or ns_of(told.terms_since) < ns_of(change.effective_at):
            told.terms_since.CopyFrom(change.effective_at)
    return told


def canary_at(listing: Listing, at: Instant, group: str) -> Listing:
    """Return the listing as it is for resolvers of a group at an instant.

    Without a group, or a change that holds for it now, it is the listing itself: do not change it.
    """
    if not group or not listing.canaries:
        return listing
    # Each is looked at, so that what is kept of the answer turns at every one of these instants.
    holding = [change for change in listing.canaries if _holds(change, at, group)]
    if not holding:
        return listing
    changed = Listing()
    changed.CopyFrom(listing)
    for change in holding:
        set_term(changed, change.field, change.value)
    return changed


def _holds(change: venue_symbol_pb2.CanaryChange, at: Instant, group: str) -> bool:
    is_over, is_begun = at.reached(change.ends_at), at.reached(change.effective_at)
    return change.canary_group == group and is_begun and not is_over


def set_term(listing: Listing, field: str, value: str) -> None:
    """Set a term to what was announced; one that a later release made is ignored."""
    if field == "status":
        name = f"MARKET_STATUS_{value}"
        if name in _S.keys():  # noqa: SIM118  (no dict)
            listing.status = _S.Value(name)
    elif field in _DECIMALS:
        setattr(listing.exact, field, value)
        if field in _MIRRORED:
            setattr(listing, field, float(value))


def effective_listing(listing: Listing, terms: Listing, now: Instant) -> Listing:
    """Return the listing with the status that applies now; delisted if its period has ended."""
    told = Listing()
    told.CopyFrom(terms_at(listing, now))
    told.status = terms_at(terms, now).status
    for period in (listing, terms):
        if period.HasField("delisted_at") and now.reached(period.delisted_at):
            told.status = _S.MARKET_STATUS_DELISTED
    told.is_active = told.status in ACTIVE and listed_at(listing, now) and listed_at(terms, now)
    announce_end(told, now)
    return told


def announce_end(told: Listing, now: Instant) -> None:
    """Set a listing's `ends_at`, which only answers have, to its end while that is to come."""
    told.ClearField("ends_at")
    if told.HasField("delisted_at") and not now.reached(told.delisted_at):
        told.ends_at.CopyFrom(told.delisted_at)


def specs_of(terms: Listing, symbol: symbol_pb2.Symbol) -> pb.Specs:
    """Return the steps that apply: the venue's if given, else the symbol's.

    Args:
        terms: The listing, or the primary of an alias, with its terms of the answer's instant.
    """
    own, default = terms.exact, _defaults(terms, symbol.exact)
    has_ticks = bool(terms.tick_bands) or terms.HasField("price_significant_digits")
    from_venue = (own.tick_size or has_ticks) and own.lot_size
    return pb.Specs(
        source=pb.SPECS_SOURCE_VENUE if from_venue else pb.SPECS_SOURCE_SYMBOL,
        tick_size=own.tick_size or ("" if has_ticks else default.tick_size),
        lot_size=own.lot_size or default.lot_size,
        min_order_size=own.min_order_size or default.min_order_size,
        max_order_size=own.max_order_size or default.max_order_size,
        min_notional=_greater(own.min_notional, own.min_order_value) or default.min_notional,
        max_notional=own.max_order_value,
        contract_size=own.contract_size or default.contract_size,
        unit_multiplier=own.unit_multiplier or "1",
        contract_kind=_counted(symbol),
        tick_bands=terms.tick_bands,
        price_significant_digits=terms.price_significant_digits,
        order_unit=terms.order_unit,
        order_types=terms.order_types,
        time_in_force=terms.time_in_force,
        funding_interval_s=terms.funding_interval_s,
        **{field.name: value for field, value in own.ListFields() if field.name in _STATED},
    )


def _counted(symbol: symbol_pb2.Symbol) -> symbol_pb2.ContractKind.ValueType:
    """The unit of the contract size. That of an option is the base, whatever it settles in."""
    if symbol.symbol_type == symbol_pb2.SYMBOL_TYPE_OPTION:
        return symbol_pb2.CONTRACT_KIND_LINEAR
    return symbol.contract_kind


def _defaults(terms: Listing, symbol: symbol_pb2.SymbolDecimals) -> symbol_pb2.SymbolDecimals:
    """The symbol's steps that apply to a listing: those in units of the same size."""
    names = _comparable(terms, symbol.contract_size)
    if names is SYMBOL_STEPS:
        return symbol
    return symbol_pb2.SymbolDecimals(**{name: getattr(symbol, name) for name in names})


def _comparable(terms: Listing, contract_size: str) -> tuple[str, ...]:
    """The steps that a listing has in the units of a symbol with this contract size.

    A listing whose orders count the base or the quote has no contracts: its unit is one.
    """
    own = terms.exact
    if Decimal(own.unit_multiplier or 1) != 1:
        return ("min_notional",)
    size = Decimal(contract_size or 0)
    counts_assets = terms.order_unit in (_U.ORDER_UNIT_BASE, _U.ORDER_UNIT_QUOTE)
    unit = Decimal(1) if counts_assets and size else Decimal(own.contract_size or size)
    if unit != size:
        return ("min_notional", "tick_size")
    return SYMBOL_STEPS


def _greater(*stated: str) -> str:
    """The greatest of several minimums; empty if none is given."""
    return max(filter(None, stated), key=Decimal, default="")


def primary_identifier(kind: str, owner: str, found: Sequence[Any]) -> Any:
    """Return the primary identifier of a source, or the only one.

    Raises:
        EntityNotFound: there is none, or there are several and not one of them is primary.
    """
    primary = [identifier for identifier in found if identifier.is_primary]
    if len(primary or found) != 1:
        raise EntityNotFound(kind, "primary" if found else "any", f"of this source for {owner}")
    return (primary or found)[0]


def fill_steps(symbol: symbol_pb2.Symbol, terms: Listing) -> symbol_pb2.Symbol:
    """Return the symbol with its missing steps taken from the listing, as text and as doubles.

    Steps that the listing has in units of another size are not taken.
    """
    own = terms.exact
    # If the symbol has no contract size, the listing's applies, and so do steps in its units.
    names = _comparable(terms, symbol.exact.contract_size or own.contract_size)
    filled = symbol_pb2.Symbol()
    filled.CopyFrom(symbol)
    for name in SYMBOL_STEPS:
        exact = getattr(filled.exact, name) or (getattr(own, name) if name in names else "")
        if exact:
            setattr(filled.exact, name, exact)
            setattr(filled, name, float(exact))
    return filled
