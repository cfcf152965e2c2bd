"""From a spelling's periods to what it means and how it trades now. Pure.

Works on messages, as snapshots and PostgreSQL hold them. Time comes in as an argument.
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

#: Fields of a symbol that a listing's own terms stand in for where it has none.
SYMBOL_STEPS: Final = (
    "tick_size",
    "lot_size",
    "min_order_size",
    "max_order_size",
    "min_notional",
    "contract_size",
)
_S = venue_symbol_pb2.MarketStatus

Listing = venue_symbol_pb2.VenueSymbol


def listed_at(listing: Listing, at: Instant) -> bool:
    """Whether the listing's period covers an instant; an unknown beginning is open."""
    if listing.HasField("listed_at") and not at.reached(listing.listed_at):
        return False
    return not (listing.HasField("delisted_at") and at.reached(listing.delisted_at))


def current_listing(listings: Iterable[Listing], now: Instant) -> Listing | None:
    """What a spelling means now: the period that covers now, else the last that ended.

    A period that has not begun is the answer only where there is no other, and then the first.
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
    """The listing whose steps and status apply.

    Args:
        listing: What was asked for.
        primaries: For an alias, the periods of the spelling that it stands for. One that means
            another symbol by now is none of its business: then nothing is known, and the
            alias is halted.
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
    """The listing as it is to be told now: with the status that applies, and ended if it has."""
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
    """The steps that apply: the venue's where given, else the symbol's.

    Args:
        terms: The listing; for an alias, its primary.
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
    )


def _counted(symbol: symbol_pb2.Symbol) -> symbol_pb2.ContractKind.ValueType:
    """What a contract's size is counted in; an option is on so many base units, however it pays."""
    if symbol.symbol_type == symbol_pb2.SYMBOL_TYPE_OPTION:
        return symbol_pb2.CONTRACT_KIND_LINEAR
    return symbol.contract_kind


def _defaults(
    own: venue_symbol_pb2.VenueSymbolDecimals, symbol: symbol_pb2.SymbolDecimals
) -> symbol_pb2.SymbolDecimals:
    """What a symbol's steps say of a listing: nothing that is counted in units of another size."""
    names = _comparable(own, symbol.contract_size)
    if names is SYMBOL_STEPS:
        return symbol
    return symbol_pb2.SymbolDecimals(**{name: getattr(symbol, name) for name in names})


def _comparable(own: venue_symbol_pb2.VenueSymbolDecimals, contract_size: str) -> tuple[str, ...]:
    """The steps that a listing counts in the units of a symbol whose contracts are of this size."""
    if Decimal(own.unit_multiplier or 1) != 1:
        return ("min_notional",)
    size = Decimal(contract_size or 0)
    if Decimal(own.contract_size or size) != size:
        return ("min_notional", "tick_size")
    return SYMBOL_STEPS


def _greater(*stated: str) -> str:
    """Of what a venue states, what an order must reach; empty where it states nothing."""
    return max(filter(None, stated), key=Decimal, default="")


def primary_identifier(kind: str, owner: str, found: Sequence[Any]) -> Any:
    """The primary one of a source's identifiers, or the only one: of several, none is guessed.

    Raises:
        NotFound: There is none, or none of several is the primary one.
    """
    primary = [identifier for identifier in found if identifier.is_primary]
    if len(primary or found) != 1:
        raise EntityNotFound(kind, "primary" if found else "any", f"of this source for {owner}")
    return (primary or found)[0]


def fill_steps(symbol: symbol_pb2.Symbol, terms: Listing) -> symbol_pb2.Symbol:
    """The symbol with the steps it leaves open taken from the listing, doubles beside them.

    But for those that are counted in units of another size there.
    """
    own = terms.exact
    # A contract's size that the symbol leaves open is taken with all that is counted in it.
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
    """May orders be sent now? Nothing here ever denies a cancel but the listing's end.

    Args:
        listing: For an alias, its primary: status is one of its terms.
        venue_assets: The venue's rows for the symbol's assets; those it has none for are absent.
        stale: Why the snapshot may be behind; denies opening, not getting out.
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
    """Whether it stops trading of its asset."""
    critical = quality_flag_pb2.FLAG_SEVERITY_CRITICAL
    return flag.severity == critical and not flag.HasField("resolved_at")


def _permission(reasons: list[pb.Reason]) -> pb.Permission:
    """Each reason once: that a listing is over may be said by its period and by its status."""
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
