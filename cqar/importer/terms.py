"""A market's terms as those of a listing, and which of them a venue states. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cqar.importer.market import Market
from cqar_shared.domain.kinds.venue_symbol import ListingPhase, ListingTickBand
from cqar_shared.domain.listing_term_rules import (
    CombinationLeg,
    PermissionGroups,
    ScheduledTerm,
)

_SAME: Final = (
    *("maker_fee", "taker_fee", "min_notional", "max_leverage", "tick_size", "lot_size"),
    *("min_order_size", "max_order_size", "contract_size", "market_lot_size", "market_min_size"),
    *("market_max_size", "min_price", "max_price", "bid_multiplier_up", "bid_multiplier_down"),
    *("ask_multiplier_up", "ask_multiplier_down", "market_min_notional", "market_max_notional"),
    *("initial_margin_rate", "maintenance_margin_rate", "order_unit", "price_significant_digits"),
    "funding_interval_s",
)
_TRANSLATED: Final[Mapping[str, Callable[[Market], Any]]] = {
    "max_order_value": lambda m: m.max_notional,
    "trading_starts_at": lambda m: m.trading_starts_at,
    "quote_alternatives": lambda m: m.quote_alternatives,
    "order_types": lambda m: m.order_types,
    "time_in_force": lambda m: m.time_in_force,
    "permission_groups": lambda m: tuple(PermissionGroups(groups=g) for g in m.permission_groups),
    "tick_bands": lambda m: tuple(
        ListingTickBand(from_price=b.from_price, tick_size=b.tick_size) for b in m.tick_bands
    ),
    "phases": lambda m: tuple(
        ListingPhase(status=p.status, starts_at=p.starts_at, ends_at=p.ends_at) for p in m.phases
    ),
    "scheduled": lambda m: tuple(
        ScheduledTerm(effective_at=c.effective_at, field=c.field, value=c.value)
        for c in sorted(m.scheduled, key=lambda c: c.effective_at)
    ),
    "legs": lambda m: tuple(CombinationLeg(venue_symbol=g.spelling, ratio=g.ratio) for g in m.legs),
}
#: Terms of a listing that a market may state.
STATED_TERMS: Final = (*_SAME, *_TRANSLATED)


def terms_stated(market: Market) -> dict[str, Any]:
    """All terms of a market, by the listing's names; None or empty where it states none."""
    terms: dict[str, Any] = {name: getattr(market, name) for name in _SAME}
    lists = {name: value_of(market) or None for name, value_of in _TRANSLATED.items()}
    return terms | lists | {"tick_bands": lists["tick_bands"] or ()}


def names_stated(markets: Iterable[Market]) -> frozenset[str]:
    """The terms that at least one of the markets states."""
    found: set[str] = set()
    for market in markets:
        found.update(name for name, value in terms_stated(market).items() if is_stated(value))
    return frozenset(found)


def is_stated(value: Any) -> bool:
    return value is not None and value != ()
