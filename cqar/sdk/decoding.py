"""The contract's messages as results, one function each. Pure.

They are on the path of every answer: a Resolution takes some 20 microseconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from cqc.assets.v1 import asset_pb2, deployment_pb2, quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.sdk import changes, enums
from cqar.sdk import results as r
from cqar.sdk.specs import Specs, TickBand

R = TypeVar("R")
W = TypeVar("W", bound=StrEnum)


def _enum_by_number(enum: Any, prefix: str, of: type[W]) -> Mapping[int, W]:
    return {n: of(name.removeprefix(prefix)) for name, n in enum.items() if prefix in name}


def _name_by_number(enum: Any, prefix: str) -> Mapping[int, str]:
    return {number: name.removeprefix(prefix) for name, number in enum.items()}


_STATUS: Final = {
    pb.RESOLUTION_STATUS_FOUND: enums.Status.FOUND,
    pb.RESOLUTION_STATUS_DELISTED: enums.Status.DELISTED,
    pb.RESOLUTION_STATUS_NOT_YET_LISTED: enums.Status.NOT_YET_LISTED,
}
_STATE: Final = _enum_by_number(pb.SnapshotState, "SNAPSHOT_STATE_", enums.State)
_SOURCE: Final = _enum_by_number(pb.SpecsSource, "SPECS_SOURCE_", enums.SpecsSource)
_MARKET: Final = _enum_by_number(
    venue_symbol_pb2.MarketStatus, "MARKET_STATUS_", enums.MarketStatus
)
_TYPE: Final = _enum_by_number(symbol_pb2.SymbolType, "SYMBOL_TYPE_", enums.SymbolType)
_KIND: Final = _enum_by_number(symbol_pb2.ContractKind, "CONTRACT_KIND_", enums.ContractKind)
_OPTION: Final = _enum_by_number(symbol_pb2.OptionType, "OPTION_TYPE_", enums.OptionType)
_SEVERITY: Final = _enum_by_number(quality_flag_pb2.FlagSeverity, "FLAG_SEVERITY_", enums.Severity)
_FLAG_TYPE: Final = _name_by_number(quality_flag_pb2.FlagType, "FLAG_TYPE_")
_ASSET_TYPE: Final = _name_by_number(asset_pb2.AssetType, "ASSET_TYPE_")

_ALLOWED: Final = r.Permission(allowed=True)


def resolution(found: pb.Resolution, freshness: r.Freshness) -> r.Resolution:
    """A spelling that means, or meant, something."""
    return r.Resolution(
        **_common_fields(found),
        market_status=_MARKET[found.venue_symbol.status],
        is_primary=found.venue_symbol.is_primary,
        specs=specs(found.specs),
        tradeable=tradeable(found.tradeable),
        freshness=freshness,
    )


def past_resolution(found: pb.Resolution, freshness: r.Freshness) -> r.PastResolution:
    """The same as of an instant: what is not known of that time is None."""
    listing = found.venue_symbol
    return r.PastResolution(
        **_common_fields(found),
        market_status=_MARKET[listing.status] if listing.status else None,
        terms_since=_instant(listing, "terms_since"),
        specs=specs(found.specs) if found.HasField("specs") else None,
        freshness=freshness,
    )


def _reader(listing: venue_symbol_pb2.VenueSymbol) -> str | None:
    noted = listing.metadata
    return str(noted["reader"]) if listing.HasField("metadata") and "reader" in noted else None


def _common_fields(found: pb.Resolution) -> dict[str, Any]:
    """What is told alike of now and of the past."""
    listing = found.venue_symbol
    return {
        "status": _STATUS[found.status],
        "venue_id": listing.venue_id,
        "venue_symbol": listing.venue_symbol,
        "listing_id": listing.listing_id,
        "alias_of": listing.alias_of or None,
        "listed_at": _instant(listing, "listed_at"),
        "delisted_at": _instant(listing, "delisted_at"),
        "maker_fee": _decimal(listing.exact.maker_fee),
        "taker_fee": _decimal(listing.exact.taker_fee),
        "reader": _reader(listing),
        "symbol": symbol(found.symbol),
        "base": asset(found.base_asset),
        "quote": asset(found.quote_asset),
        "settlement": asset(found.settlement_asset),
    }


def resolution_or_miss(
    found: pb.Resolution,
    key: tuple[str, str],
    freshness: r.Freshness,
    read: Callable[[pb.Resolution, r.Freshness], R],
) -> R | r.Miss:
    """One answer of a batch, beside the (venue, spelling) that was asked for."""
    if found.status != pb.RESOLUTION_STATUS_NOT_FOUND:
        return read(found, freshness)
    venue_id, venue_symbol = key
    return r.Miss(
        venue_id=venue_id,
        venue_symbol=venue_symbol,
        reason=reason(found.not_found),
        freshness=freshness,
    )


def specs(found: pb.Specs) -> Specs:
    return Specs(
        source=_SOURCE[found.source],
        tick_size=_decimal(found.tick_size),
        lot_size=_decimal(found.lot_size),
        min_order_size=_decimal(found.min_order_size),
        max_order_size=_decimal(found.max_order_size),
        min_notional=_decimal(found.min_notional),
        max_notional=_decimal(found.max_notional),
        contract_size=_decimal(found.contract_size),
        unit_multiplier=Decimal(found.unit_multiplier or "1"),
        contract_kind=_KIND[found.contract_kind],
        tick_bands=tuple(
            TickBand(Decimal(band.from_price or "0"), Decimal(band.tick_size))
            for band in found.tick_bands
        ),
        price_significant_digits=found.price_significant_digits or None,
    )


def symbol(found: symbol_pb2.Symbol) -> r.SymbolRef:
    return r.SymbolRef(
        symbol_id=found.symbol_id,
        symbol=found.symbol,
        symbol_type=_TYPE[found.symbol_type],
        contract_kind=_KIND[found.contract_kind],
        expiry=_instant(found, "expiry"),
        strike_price=_decimal(found.exact.strike_price),
        option_type=_OPTION[found.option_type] if found.option_type else None,
    )


def asset(found: asset_pb2.Asset) -> r.AssetRef:
    return r.AssetRef(found.asset_id, found.symbol, found.name, found.unverified)


def tradeable(found: pb.Tradeable) -> r.Tradeable:
    return r.Tradeable(
        open=permission(found.open),
        post_only=permission(found.post_only),
        reduce=permission(found.reduce),
        cancel=permission(found.cancel),
    )


def permission(found: pb.Permission) -> r.Permission:
    if found.allowed:
        return _ALLOWED
    return r.Permission(allowed=False, reasons=reasons(found.reasons))


def reasons(found: Iterable[pb.Reason]) -> tuple[r.Reason, ...]:
    return tuple(map(reason, found))


def reason(found: pb.Reason) -> r.Reason:
    return r.Reason(found.code, found.kind, found.key, found.message)


def freshness(found: pb.Freshness) -> r.Freshness:
    staleness_ms = found.staleness_ms if found.HasField("staleness_ms") else None
    return r.Freshness(found.epoch, found.revision, _STATE[found.state], staleness_ms)


def spelling(found: venue_symbol_pb2.VenueSymbol) -> r.Spelling:
    return r.Spelling(
        found.venue_id,
        found.venue_symbol,
        found.listing_id,
        found.symbol_id,
        _MARKET[found.status],
        found.is_primary,
        found.alias_of or None,
    )


def asset_answer(found: pb.ResolveAssetResponse) -> r.AssetAnswer:
    return r.AssetAnswer(
        asset=asset(found.asset),
        asset_type=_ASSET_TYPE[found.asset.asset_type],
        category=found.asset.category,
        deployments=tuple(map(deployment, found.deployments)),
        active_flags=tuple(map(flag, found.active_flags)),
        tradeable=permission(found.tradeable),
        freshness=freshness(found.freshness),
    )


def deployment(found: deployment_pb2.AssetDeployment) -> r.Deployment:
    return r.Deployment(
        found.chain_id,
        found.chain_name,
        found.address or None,
        found.decimals,
        found.is_canonical,
        found.is_native,
    )


def flag(found: quality_flag_pb2.AssetQualityFlag) -> r.Flag:
    return r.Flag(
        found.flag_id,
        _FLAG_TYPE[found.flag_type],
        _SEVERITY[found.severity],
        found.source,
        found.reason,
    )


def group(found: pb.ExpandGroupResponse) -> r.Group:
    members = (
        r.Member(asset(m.asset), _decimal(m.weight), tuple(map(flag, m.active_flags)))
        for m in found.members
    )
    return r.Group(found.group_id, found.name, tuple(members), freshness(found.freshness))


def order_check(found: pb.CheckOrderResponse) -> r.OrderCheck:
    return r.OrderCheck(
        allowed=found.allowed,
        reasons=reasons(found.reasons),
        price=_decimal(found.price),
        quantity=_decimal(found.quantity),
        notional=_decimal(found.notional),
        freshness=freshness(found.freshness),
    )


def status(found: pb.GetStatusResponse) -> r.ResolverStatus:
    return r.ResolverStatus(
        freshness=freshness(found.freshness),
        lag=found.lag,
        counts=dict(found.counts),
        hydrated_from=found.hydrated_from,
        memory_bytes=found.memory_bytes,
        version=found.version,
        reason=found.reason,
    )


def update(found: pb.WatchResponse) -> changes.Update:
    told = change_set(found.change_set) if found.HasField("change_set") else None
    return changes.Update(told, freshness(found.freshness))


def change_set(found: replication_pb2.ChangeSet) -> changes.ChangeSet:
    return changes.ChangeSet(
        epoch=found.epoch,
        revision=found.revision,
        committed_at=found.committed_at.ToDatetime(dt.UTC),
        actor=found.actor,
        reason=found.reason,
        changes=tuple(
            changes.Change(c.kind, c.key, c.entity, c.deleted, c.archived) for c in found.changes
        ),
    )


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _instant(message: Any, field: str) -> dt.datetime | None:
    return getattr(message, field).ToDatetime(dt.UTC) if message.HasField(field) else None
