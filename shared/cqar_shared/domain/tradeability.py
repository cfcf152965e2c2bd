"""What a spelling means now, in which steps it trades, and whether it may be traded. Pure.

Works on messages, as snapshots and PostgreSQL contain them. The time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from cqc.assets.v1 import quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_asset_pb2, venue_pb2, venue_symbol_pb2

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
_STATED: Final = (
    *("market_lot_size", "market_min_size", "market_max_size", "min_price", "max_price"),
    *("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down"),
    *("market_min_notional", "market_max_notional"),
    *("initial_margin_rate", "maintenance_margin_rate", "max_leverage", "maker_fee", "taker_fee"),
)
_S = venue_symbol_pb2.MarketStatus

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
    """Return the listing whose steps and status apply.

    Args:
        listing: The listing that was asked for.
        primaries: For an alias, the periods of the spelling that it stands for. Those of another
            symbol are ignored. If none is left, the result has no steps and is halted.
    """
    if not listing.alias_of:
        return listing
    same = (p for p in primaries if p.symbol_id == listing.symbol_id and not p.alias_of)
    found = current_listing(same, now)
    if found is not None:
        return found
    return Listing(
        listing_id=listing.listing_id,
        venue_id=listing.venue_id,
        venue_symbol=listing.venue_symbol,
        symbol_id=listing.symbol_id,
        status=_S.MARKET_STATUS_HALTED,
    )


def effective_listing(listing: Listing, terms: Listing, now: Instant) -> Listing:
    """Return the listing with the status that applies now; delisted if its period has ended."""
    told = Listing()
    told.CopyFrom(listing)
    told.status = terms.status
    for period in (listing, terms):
        if period.HasField("delisted_at") and now.reached(period.delisted_at):
            told.status = _S.MARKET_STATUS_DELISTED
    active = (_S.MARKET_STATUS_ONLINE, _S.MARKET_STATUS_POST_ONLY)
    told.is_active = told.status in active and listed_at(listing, now) and listed_at(terms, now)
    return told


def specs_of(terms: Listing, symbol: symbol_pb2.Symbol) -> pb.Specs:
    """Return the steps that apply: the venue's if given, else the symbol's.

    Args:
        terms: The listing, or the primary of an alias.
    """
    own, default = terms.exact, _defaults(terms.exact, symbol.exact)
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
        **{name: getattr(own, name) for name in _STATED},
    )


def _counted(symbol: symbol_pb2.Symbol) -> symbol_pb2.ContractKind.ValueType:
    """The unit of the contract size. That of an option is the base, whatever it settles in."""
    if symbol.symbol_type == symbol_pb2.SYMBOL_TYPE_OPTION:
        return symbol_pb2.CONTRACT_KIND_LINEAR
    return symbol.contract_kind


def _defaults(
    own: venue_symbol_pb2.VenueSymbolDecimals, symbol: symbol_pb2.SymbolDecimals
) -> symbol_pb2.SymbolDecimals:
    """The symbol's steps that apply to a listing: those in units of the same size."""
    names = _comparable(own, symbol.contract_size)
    if names is SYMBOL_STEPS:
        return symbol
    return symbol_pb2.SymbolDecimals(**{name: getattr(symbol, name) for name in names})


def _comparable(own: venue_symbol_pb2.VenueSymbolDecimals, contract_size: str) -> tuple[str, ...]:
    """The steps that a listing has in the units of a symbol with this contract size."""
    if Decimal(own.unit_multiplier or 1) != 1:
        return ("min_notional",)
    size = Decimal(contract_size or 0)
    if Decimal(own.contract_size or size) != size:
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
    names = _comparable(own, symbol.exact.contract_size or own.contract_size)
    filled = symbol_pb2.Symbol()
    filled.CopyFrom(symbol)
    for name in SYMBOL_STEPS:
        exact = getattr(filled.exact, name) or (getattr(own, name) if name in names else "")
        if exact:
            setattr(filled.exact, name, exact)
            setattr(filled, name, float(exact))
    return filled


def verdict(
    listing: Listing,
    symbol: symbol_pb2.Symbol,
    venue: venue_pb2.Venue,
    specs: pb.Specs,
    venue_assets: Sequence[venue_asset_pb2.VenueAsset],
    now: Instant,
    stale: pb.Reason | None = None,
    flags: Iterable[tuple[str, quality_flag_pb2.AssetQualityFlag]] = (),
    asked: Listing | None = None,
) -> pb.Tradeable:
    """Return which orders may be sent now, and why others may not.

    Only the end of a listing denies a cancel.

    Args:
        listing: The listing, or the primary of an alias: the status is one of its terms.
        venue_assets: The venue's rows of the symbol's assets, as far as there are any.
        stale: Why the snapshot may be behind; denies opening a position, not closing one.
        flags: The flags of the symbol's assets, each with BASE, QUOTE or SETTLEMENT.
        asked: For an alias, the alias: its own period counts too.
    """
    blocked: list[pb.Reason] = []
    ended: list[pb.Reason] = []
    if not venue.is_active:
        ended.append(_reason("VENUE_INACTIVE", "venue", venue.venue_id, "the venue is inactive"))
    periods = [listing] if asked is None else [listing, asked]
    unlisted = [_unlisted(period, now) for period in periods if not listed_at(period, now)]
    ended += unlisted
    gone = symbol.HasField("delisted_at") and now.reached(symbol.delisted_at)
    if gone or not symbol.is_active:
        ended.append(_reason("SYMBOL_DELISTED", "symbol", symbol.symbol_id, "is delisted"))
    if symbol.HasField("expiry") and now.reached(symbol.expiry):
        ended.append(_reason("SYMBOL_EXPIRED", "symbol", symbol.symbol_id, "has expired"))
    if not specs.lot_size or not (
        specs.tick_size or specs.tick_bands or specs.price_significant_digits
    ):
        blocked.append(_listing_reason("STEPS_UNKNOWN", listing, "its tick or lot is not known"))
    blocked += _asset_reasons(venue_assets, flags, now)
    if stale is not None:
        blocked.append(stale)
    halted = [_listing_reason(f"LISTING_{_status_name(listing)}", listing, "by the venue's status")]
    status = listing.status
    opens = [] if status == _S.MARKET_STATUS_ONLINE else halted
    posts = [] if status in (_S.MARKET_STATUS_ONLINE, _S.MARKET_STATUS_POST_ONLY) else halted
    reduces = [] if not posts or status == _S.MARKET_STATUS_REDUCE_ONLY else halted
    cancels = halted if status == _S.MARKET_STATUS_DELISTED else unlisted
    open_ = _permission([*ended, *opens, *blocked])
    return pb.Tradeable(
        allowed=open_.allowed,
        open=open_,
        post_only=_permission([*ended, *posts, *blocked]),
        reduce=_permission([*ended, *reduces]),
        cancel=_permission(cancels),
    )


def _asset_reasons(
    venue_assets: Sequence[venue_asset_pb2.VenueAsset],
    flags: Iterable[tuple[str, quality_flag_pb2.AssetQualityFlag]],
    now: Instant,
) -> Iterator[pb.Reason]:
    for held in venue_assets:
        key = f"{held.venue_id}/{held.asset_id}"
        if held.HasField("delisted_at") and now.reached(held.delisted_at):
            text = "the venue no longer has this asset"
            yield _reason("VENUE_ASSET_DELISTED", "venue_asset", key, text)
        elif held.HasField("listed_at") and not now.reached(held.listed_at):
            text = "the venue has this asset only later"
            yield _reason("VENUE_ASSET_NOT_YET_LISTED", "venue_asset", key, text)
        elif held.HasField("trading_enabled") and not held.trading_enabled:
            text = "the venue has disabled trading of this asset"
            yield _reason("VENUE_ASSET_TRADING_DISABLED", "venue_asset", key, text)
    for leg, flag in flags:
        if blocks(flag):
            code = f"FLAG_CRITICAL_{leg}"
            yield _reason(code, "quality_flag", flag.flag_id, flag.reason)


def blocks(flag: quality_flag_pb2.AssetQualityFlag) -> bool:
    """Whether the flag stops trading of its asset."""
    critical = quality_flag_pb2.FLAG_SEVERITY_CRITICAL
    return flag.severity == critical and not flag.HasField("resolved_at")


def _permission(reasons: list[pb.Reason]) -> pb.Permission:
    """Give each reason once: both period and status may say that a listing has ended."""
    once = {(reason.code, reason.key): reason for reason in reasons}
    return pb.Permission(allowed=not reasons, reasons=once.values())


def _reason(code: str, kind: str, key: str, message: str) -> pb.Reason:
    return pb.Reason(code=code, kind=kind, key=key, message=message)


def _unlisted(listing: Listing, now: Instant) -> pb.Reason:
    if listing.HasField("listed_at") and not now.reached(listing.listed_at):
        return _listing_reason("LISTING_NOT_YET_LISTED", listing, "is listed later")
    return _listing_reason("LISTING_DELISTED", listing, "not listed now")


def _listing_reason(code: str, listing: Listing, message: str) -> pb.Reason:
    return _reason(code, "venue_symbol", listing.listing_id, message)


def _status_name(listing: Listing) -> str:
    return _S.Name(listing.status).removeprefix("MARKET_STATUS_")
