"""Whether a listing may be traded at an instant, why not, and until when that holds. Pure.

Works on messages, as snapshots and PostgreSQL contain them. The time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cqc.assets.v1 import quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_asset_pb2, venue_facts_pb2, venue_pb2
from cqc.venues.v1.venue_symbol_pb2 import MarketStatus
from google.protobuf.timestamp_pb2 import Timestamp

from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant, ns_of
from cqar_shared.domain.tradeability import Listing


class _Market(NamedTuple):
    """What a verdict is about; see `verdict`."""

    listing: Listing
    symbol: symbol_pb2.Symbol
    venue: venue_pb2.Venue
    specs: pb.Specs
    venue_assets: Sequence[venue_asset_pb2.VenueAsset]
    stale: pb.Reason | None
    facts: venue_facts_pb2.VenueFacts | None
    flags: Sequence[tuple[str, quality_flag_pb2.AssetQualityFlag]]
    asked: Listing | None
    canary_group: str

    @property
    def periods(self) -> list[Listing]:
        return [self.listing] if self.asked is None else [self.listing, self.asked]


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
    facts: venue_facts_pb2.VenueFacts | None = None,
    canary_group: str = "",
) -> pb.Tradeable:
    """Return which orders may be sent now, and why others may not; and until when that holds.

    Only the end of a listing denies a cancel.

    Args:
        listing: The listing with its terms of now, or the primary of an alias: the status is one
            of its terms.
        venue_assets: The venue's rows of the symbol's assets, as far as there are any.
        stale: Why the snapshot may be behind; denies opening a position, not closing one.
        flags: The flags of the symbol's assets, each with BASE, QUOTE or SETTLEMENT.
        asked: For an alias, the alias: its own period counts too.
        facts: How current what the registry says of the venue is; None: nobody noted it.
        canary_group: The resolver's group: changes may hold for it before they hold for all.
    """
    of = (listing, symbol, venue, specs, venue_assets)
    market = _Market(*of, stale, facts, tuple(flags), asked, canary_group)
    shown = tradeability.canary_at(listing, now, canary_group)
    found = _verdict_at(market._replace(listing=shown), now)
    until = _turns_at(market, now, is_open=found.allowed)
    if until is not None:
        found.until.CopyFrom(until)
    return found


def _verdict_at(market: _Market, now: Instant) -> pb.Tradeable:
    listing = market.listing
    unlisted = [
        _unlisted(period, now)
        for period in market.periods
        if not tradeability.listed_at(period, now)
    ]
    ended = [*_end_reasons(market, now), *unlisted]
    blocked = list(_opening_reasons(market, now))
    allowed = tradeability.status_row(listing)
    by_status = [_status_reason(listing)]
    open_ = _permission([*ended, *([] if allowed.open else by_status), *blocked])
    return pb.Tradeable(
        allowed=open_.allowed,
        open=open_,
        post_only=_permission([*ended, *([] if allowed.post_only else by_status), *blocked]),
        reduce=_permission([*ended, *([] if allowed.reduce else by_status)]),
        cancel=_permission(unlisted if allowed.cancel else by_status),
    )


def _end_reasons(market: _Market, now: Instant) -> Iterator[pb.Reason]:
    """Why no position can be held here any more, by venue and symbol."""
    venue, symbol = market.venue, market.symbol
    if not venue.is_active:
        yield _reason("VENUE_INACTIVE", "venue", venue.venue_id, "the venue is inactive")
    gone = symbol.HasField("delisted_at") and now.reached(symbol.delisted_at)
    if gone or not symbol.is_active:
        yield _reason("SYMBOL_DELISTED", "symbol", symbol.symbol_id, "is delisted")
    if symbol.HasField("expiry") and now.reached(symbol.expiry):
        yield _reason("SYMBOL_EXPIRED", "symbol", symbol.symbol_id, "has expired")


def _opening_reasons(market: _Market, now: Instant) -> Iterator[pb.Reason]:
    """Why no position should be opened; none of them denies getting out of one."""
    listing, specs = market.listing, market.specs
    if not specs.lot_size or not (
        specs.tick_size or specs.tick_bands or specs.price_significant_digits
    ):
        yield _listing_reason("STEPS_UNKNOWN", listing, "its tick or lot is not known")
    for doubt in listing.doubts:
        yield _listing_reason(doubt, listing, "in doubt until it is read again or decided")
    yield from _asset_reasons(market.venue_assets, market.flags, now)
    if market.stale is not None:
        yield market.stale
    yield from _facts_reasons(market, now)


def _facts_reasons(market: _Market, now: Instant) -> Iterator[pb.Reason]:
    """Why what was read of the venue is too old, where the venue says what is."""
    venue = market.venue
    if not venue.HasField("facts_stale_after_s"):
        return
    ends = _facts_end(market)
    if ends is None:
        text = "nobody noted when the venue was read"
        yield _reason("FACTS_STALE", "venue", venue.venue_id, text)
    elif now.reached(ends):
        text = f"the venue was read more than {venue.facts_stale_after_s} s ago"
        yield _reason("FACTS_STALE", "venue", venue.venue_id, text)


def _facts_end(market: _Market) -> Timestamp | None:
    """Return the instant from which what was read is too old; None where there is none."""
    facts, venue = market.facts, market.venue
    if facts is None or not venue.HasField("facts_stale_after_s"):
        return None
    ends = Timestamp()
    ends.CopyFrom(facts.as_of)
    ends.seconds += venue.facts_stale_after_s
    return ends


def _turns_at(market: _Market, now: Instant, *, is_open: bool) -> Timestamp | None:
    """Return the next instant at which opening becomes allowed, or ceases to be; None: unknown."""
    coming = [moment for moment in _known_instants(market) if ns_of(moment) > now.ns]
    for moment in sorted(coming, key=ns_of):
        at = Instant(ns_of(moment))
        later = market
        if market.listing.scheduled or (market.canary_group and market.listing.canaries):
            terms = tradeability.terms_at(market.listing, at)
            terms = tradeability.canary_at(terms, at, market.canary_group)
            later = market._replace(
                listing=terms, specs=tradeability.specs_of(terms, market.symbol)
            )
        if _verdict_at(later, at).allowed != is_open:
            return moment
    return None


def _known_instants(market: _Market) -> Iterator[Timestamp]:
    """Yield the instants at which a verdict may turn."""
    for held in (*market.periods, *market.venue_assets):
        for name in ("listed_at", "delisted_at"):
            if held.HasField(name):
                yield getattr(held, name)
    for name in ("expiry", "delisted_at"):
        if market.symbol.HasField(name):  # type: ignore[arg-type]
            yield getattr(market.symbol, name)
    for change in market.listing.scheduled:
        yield change.effective_at
    for canary in market.listing.canaries:
        if canary.canary_group == market.canary_group:
            yield canary.effective_at
            yield canary.ends_at
    facts_end = _facts_end(market)
    if facts_end is not None:
        yield facts_end


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


def _status_reason(listing: Listing) -> pb.Reason:
    known = listing.status in MarketStatus.values()
    name = (
        MarketStatus.Name(listing.status).removeprefix("MARKET_STATUS_")
        if known
        else "STATUS_UNKNOWN"
    )
    return _listing_reason(f"LISTING_{name}", listing, "by the venue's status")
