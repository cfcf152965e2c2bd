"""Decodes the contract's messages into results, one function each. Pure.

Every answer passes here: decoding a Resolution takes about 20 microseconds. Empty lists are not
iterated: that would double it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeVar

from cqc.assets.v1 import asset_pb2, deployment_pb2, quality_flag_pb2, relationship_pb2
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.sdk import changes, enums
from cqar.sdk import results as r
from cqar.sdk.product_decoding import (
    CONTRACT_KIND,
    MARKET_STATUS,
    ORDER_UNIT,
    asset,
    decimal,
    enum_by_number,
    instant,
    leg,
    name_by_number,
    phase,
    scheduled,
    symbol,
)
from cqar.sdk.specs import Specs, TickBand

R = TypeVar("R")


_STATUS: Final = {
    pb.RESOLUTION_STATUS_FOUND: enums.Status.FOUND,
    pb.RESOLUTION_STATUS_DELISTED: enums.Status.DELISTED,
    pb.RESOLUTION_STATUS_NOT_YET_LISTED: enums.Status.NOT_YET_LISTED,
}
_STATE: Final = enum_by_number(pb.SnapshotState, "SNAPSHOT_STATE_", enums.State)
_SOURCE: Final = enum_by_number(pb.SpecsSource, "SPECS_SOURCE_", enums.SpecsSource)
_SEVERITY: Final = enum_by_number(quality_flag_pb2.FlagSeverity, "FLAG_SEVERITY_", enums.Severity)
_FLAG_TYPE: Final = name_by_number(quality_flag_pb2.FlagType, "FLAG_TYPE_")
_SUCCESSION: Final = name_by_number(relationship_pb2.SuccessionKind, "SUCCESSION_KIND_")
_ASSET_TYPE: Final = name_by_number(asset_pb2.AssetType, "ASSET_TYPE_")

_ALLOWED: Final = r.Permission(allowed=True)


def resolution(message: pb.Resolution, freshness: r.Freshness) -> r.Resolution:
    """The resolution of a spelling that is, or was, listed."""
    return r.Resolution(
        **_common_fields(message),
        market_status=MARKET_STATUS[message.venue_symbol.status],
        is_primary=message.venue_symbol.is_primary,
        specs=specs(message.specs),
        tradeable=tradeable(message.tradeable),
        freshness=freshness,
        facts_as_of=instant(message, "facts_as_of"),
        facts_age_ms=facts_age_ms(message),
        canary_group=message.canary_group or None,
    )


def facts_age_ms(message: Any) -> int | None:
    """How old what is said of the venue is, in an answer that tells it."""
    return message.facts_age_ms if message.HasField("facts_age_ms") else None


def past_resolution(message: pb.Resolution, freshness: r.Freshness) -> r.PastResolution:
    """The resolution as of an instant: what is not known of that time is None."""
    listing = message.venue_symbol
    return r.PastResolution(
        **_common_fields(message),
        market_status=MARKET_STATUS[listing.status] if listing.status else None,
        terms_since=instant(listing, "terms_since"),
        specs=specs(message.specs) if message.HasField("specs") else None,
        freshness=freshness,
    )


def _reader(listing: venue_symbol_pb2.VenueSymbol) -> str | None:
    metadata = listing.metadata
    return (
        str(metadata["reader"]) if listing.HasField("metadata") and "reader" in metadata else None
    )


def _common_fields(message: pb.Resolution) -> dict[str, Any]:
    """The fields that Resolution and PastResolution share."""
    listing, terms = message.venue_symbol, message.specs
    return {
        "status": _STATUS[message.status],
        "venue_id": listing.venue_id,
        "venue_symbol": listing.venue_symbol,
        "listing_id": listing.listing_id,
        "alias_of": listing.alias_of or None,
        "listed_at": instant(listing, "listed_at"),
        "delisted_at": instant(listing, "delisted_at"),
        # An alias has no fees of its own; where no specs are known, the listing's own fees may be.
        "maker_fee": decimal(terms.maker_fee or listing.exact.maker_fee),
        "taker_fee": decimal(terms.taker_fee or listing.exact.taker_fee),
        "reader": _reader(listing),
        "ends_at": instant(listing, "ends_at"),
        "trading_starts_at": instant(listing, "trading_starts_at"),
        "phases": tuple(map(phase, listing.phases)) if listing.phases else (),
        "scheduled": tuple(map(scheduled, listing.scheduled)) if listing.scheduled else (),
        "channels": tuple(listing.channels) if listing.channels else (),
        "permission_groups": tuple(tuple(one.groups) for one in listing.permission_groups)
        if listing.permission_groups
        else (),
        "quote_alternatives": tuple(listing.quote_alternatives)
        if listing.quote_alternatives
        else (),
        "legs": tuple(map(leg, listing.legs)) if listing.legs else (),
        "doubts": tuple(listing.doubts) if listing.doubts else (),
        "projected": message.projected,
        "symbol": symbol(message.symbol),
        "base": asset(message.base_asset),
        "quote": asset(message.quote_asset),
        "settlement": asset(message.settlement_asset),
    }


def resolution_or_miss(
    message: pb.Resolution,
    key: tuple[str, str],
    freshness: r.Freshness,
    decode: Callable[[pb.Resolution, r.Freshness], R],
) -> R | r.Miss:
    """One answer of a batch; `key` is the (venue, spelling) that was asked for."""
    if message.status != pb.RESOLUTION_STATUS_NOT_FOUND:
        return decode(message, freshness)
    venue_id, venue_symbol = key
    return r.Miss(
        venue_id=venue_id,
        venue_symbol=venue_symbol,
        reason=reason(message.not_found),
        freshness=freshness,
    )


def specs(message: pb.Specs) -> Specs:
    return Specs(
        source=_SOURCE[message.source],
        tick_size=decimal(message.tick_size),
        lot_size=decimal(message.lot_size),
        min_order_size=decimal(message.min_order_size),
        max_order_size=decimal(message.max_order_size),
        min_notional=decimal(message.min_notional),
        max_notional=decimal(message.max_notional),
        contract_size=decimal(message.contract_size),
        unit_multiplier=Decimal(message.unit_multiplier or "1"),
        contract_kind=CONTRACT_KIND[message.contract_kind],
        tick_bands=tuple(
            TickBand(Decimal(band.from_price or "0"), Decimal(band.tick_size))
            for band in message.tick_bands
        )
        if message.tick_bands
        else (),
        price_significant_digits=message.price_significant_digits or None,
        order_unit=ORDER_UNIT.get(message.order_unit),
        market_lot_size=decimal(message.market_lot_size),
        market_min_size=decimal(message.market_min_size),
        market_max_size=decimal(message.market_max_size),
        market_min_notional=decimal(message.market_min_notional),
        market_max_notional=decimal(message.market_max_notional),
        min_price=decimal(message.min_price),
        max_price=decimal(message.max_price),
        bid_multiplier_up=decimal(message.bid_multiplier_up),
        bid_multiplier_down=decimal(message.bid_multiplier_down),
        ask_multiplier_up=decimal(message.ask_multiplier_up),
        ask_multiplier_down=decimal(message.ask_multiplier_down),
        order_types=tuple(message.order_types) if message.order_types else (),
        time_in_force=tuple(message.time_in_force) if message.time_in_force else (),
        initial_margin_rate=decimal(message.initial_margin_rate),
        maintenance_margin_rate=decimal(message.maintenance_margin_rate),
        max_leverage=decimal(message.max_leverage),
        maker_fee=decimal(message.maker_fee),
        taker_fee=decimal(message.taker_fee),
        funding_interval_s=message.funding_interval_s or None,
    )


def tradeable(message: pb.Tradeable) -> r.Tradeable:
    return r.Tradeable(
        open=permission(message.open),
        post_only=permission(message.post_only),
        reduce=permission(message.reduce),
        cancel=permission(message.cancel),
        until=instant(message, "until"),
    )


def permission(message: pb.Permission) -> r.Permission:
    if message.allowed:
        return _ALLOWED
    return r.Permission(allowed=False, reasons=reasons(message.reasons))


def reasons(message: Iterable[pb.Reason]) -> tuple[r.Reason, ...]:
    return tuple(map(reason, message))


def reason(message: pb.Reason) -> r.Reason:
    return r.Reason(message.code, message.kind, message.key, message.message)


def freshness(message: pb.Freshness) -> r.Freshness:
    staleness_ms = message.staleness_ms if message.HasField("staleness_ms") else None
    return r.Freshness(message.epoch, message.revision, _STATE[message.state], staleness_ms)


def spelling(message: venue_symbol_pb2.VenueSymbol) -> r.Spelling:
    return r.Spelling(
        message.venue_id,
        message.venue_symbol,
        message.listing_id,
        message.symbol_id,
        MARKET_STATUS[message.status],
        message.is_primary,
        message.alias_of or None,
        tuple(message.channels),
        instant(message, "ends_at"),
    )


def asset_answer(message: pb.ResolveAssetResponse) -> r.AssetAnswer:
    return r.AssetAnswer(
        asset=asset(message.asset),
        asset_type=_ASSET_TYPE[message.asset.asset_type],
        category=message.asset.category,
        deployments=tuple(map(deployment, message.deployments)),
        active_flags=tuple(map(flag, message.active_flags)),
        tradeable=permission(message.tradeable),
        freshness=freshness(message.freshness),
        successions=tuple(map(succession, message.successions)),
    )


def succession(message: relationship_pb2.AssetRelationship) -> r.Succession:
    return r.Succession(
        message.relationship_id,
        message.from_asset_id,
        message.to_asset_id,
        _SUCCESSION[message.succession],
        decimal(message.conversion_rate),
        instant(message, "effective_at"),
    )


def deployment(message: deployment_pb2.AssetDeployment) -> r.Deployment:
    return r.Deployment(
        message.chain_id,
        message.chain_name,
        message.address or None,
        message.decimals,
        message.is_canonical,
        message.is_native,
    )


def flag(message: quality_flag_pb2.AssetQualityFlag) -> r.Flag:
    return r.Flag(
        message.flag_id,
        _FLAG_TYPE[message.flag_type],
        _SEVERITY[message.severity],
        message.source,
        message.reason,
    )


def group(message: pb.ExpandGroupResponse) -> r.Group:
    members = (
        r.Member(asset(m.asset), decimal(m.weight), tuple(map(flag, m.active_flags)))
        for m in message.members
    )
    return r.Group(message.group_id, message.name, tuple(members), freshness(message.freshness))


def order_check(message: pb.CheckOrderResponse) -> r.OrderCheck:
    return r.OrderCheck(
        allowed=message.allowed,
        reasons=reasons(message.reasons),
        price=decimal(message.price),
        quantity=decimal(message.quantity),
        notional=decimal(message.notional),
        freshness=freshness(message.freshness),
        facts_age_ms=facts_age_ms(message),
        canary_group=message.canary_group or None,
    )


def status(message: pb.GetStatusResponse) -> r.ResolverStatus:
    return r.ResolverStatus(
        freshness=freshness(message.freshness),
        lag=message.lag,
        counts=dict(message.counts),
        hydrated_from=message.hydrated_from,
        memory_bytes=message.memory_bytes,
        version=message.version,
        reason=message.reason,
    )


def update(message: pb.WatchResponse) -> changes.Update:
    changed = change_set(message.change_set) if message.HasField("change_set") else None
    return changes.Update(changed, freshness(message.freshness))


def change_set(message: replication_pb2.ChangeSet) -> changes.ChangeSet:
    return changes.ChangeSet(
        epoch=message.epoch,
        revision=message.revision,
        committed_at=message.committed_at.ToDatetime(dt.UTC),
        actor=message.actor,
        reason=message.reason,
        changes=tuple(
            changes.Change(c.kind, c.key, c.entity, c.deleted, c.archived) for c in message.changes
        ),
    )
