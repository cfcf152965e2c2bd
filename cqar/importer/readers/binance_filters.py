"""The filters of Binance's symbols, which all of its product lines and binance.us have."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from cqar.importer.readers.fields import limit, positive
from cqar.importer.readers.product_line import RawRecord

_UNUSED_FILTERS: Final = frozenset(
    {
        *("ICEBERG_PARTS", "MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS", "MAX_NUM_ICEBERG_ORDERS"),
        *("MAX_NUM_ORDER_LISTS", "MAX_NUM_ORDER_AMENDS", "TRAILING_DELTA", "MAX_POSITION"),
        *("EXCHANGE_MAX_NUM_ORDERS", "EXCHANGE_MAX_NUM_ALGO_ORDERS", "T_PLUS_SELL"),
        *("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "POSITION_RISK_CONTROL"),
    }
)


class BinanceFilter(RawRecord, frozen=True, rename="camel"):
    """One filter; which fields it has depends on its type."""

    filter_type: str
    tick_size: str | None = None
    min_price: str | None = None
    max_price: str | None = None
    step_size: str | None = None
    min_qty: str | None = None
    max_qty: str | None = None
    min_notional: str | None = None
    max_notional: str | None = None
    notional: str | None = None
    apply_to_market: bool | None = None
    apply_min_to_market: bool | None = None
    apply_max_to_market: bool | None = None
    multiplier_up: str | None = None
    multiplier_down: str | None = None
    bid_multiplier_up: str | None = None
    bid_multiplier_down: str | None = None
    ask_multiplier_up: str | None = None
    ask_multiplier_down: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("avgPriceMins", "multiplierDecimal", "limit", "maxNumOrders", "maxNumAlgoOrders"),
            *("maxNumIcebergOrders", "maxNumOrderLists", "maxNumOrderAmends", "maxPosition"),
            *("maxTrailingAboveDelta", "maxTrailingBelowDelta", "minTrailingAboveDelta"),
            *("minTrailingBelowDelta", "endTime", "positionControlSide"),
        }
    )


def terms_of(filters: tuple[BinanceFilter, ...], *, of_futures: bool = False) -> dict[str, Any]:
    """The terms of a market that its filters state.

    Zero stands for "none" where Binance's documentation says so; but no market has ever traded
    without a tick or a lot, so a step of zero makes the record unreadable.

    Args:
        of_futures: PERCENT_PRICE of futures bounds a bid from above and an ask from below; of
            spot it bounds both on both sides.
    """
    terms: dict[str, Any] = {}
    for part in filters:
        if of_futures and part.filter_type == "PERCENT_PRICE":
            terms["bid_multiplier_up"] = positive(part.multiplier_up, "PERCENT_PRICE.multiplierUp")
            terms["ask_multiplier_down"] = positive(
                part.multiplier_down, "PERCENT_PRICE.multiplierDown"
            )
            continue
        if part.filter_type in _READ:
            terms |= _READ[part.filter_type](part)
    return terms


def new_filters(filters: tuple[BinanceFilter, ...]) -> tuple[str, ...]:
    """Types of filters that are neither read nor known to be of no use here."""
    known = _UNUSED_FILTERS | _READ.keys()
    return tuple(f"filters.{f.filter_type[:60]}" for f in filters if f.filter_type not in known)


def _price(part: BinanceFilter) -> dict[str, Any]:
    return {
        "tick_size": positive(part.tick_size, "PRICE_FILTER.tickSize"),
        "min_price": limit(part.min_price, "PRICE_FILTER.minPrice"),
        "max_price": limit(part.max_price, "PRICE_FILTER.maxPrice"),
    }


def _lot(part: BinanceFilter) -> dict[str, Any]:
    return {
        "lot_size": positive(part.step_size, "LOT_SIZE.stepSize"),
        "min_order_size": limit(part.min_qty, "LOT_SIZE.minQty"),
        "max_order_size": limit(part.max_qty, "LOT_SIZE.maxQty"),
    }


def _market_lot(part: BinanceFilter) -> dict[str, Any]:
    return {
        "market_lot_size": limit(part.step_size, "MARKET_LOT_SIZE.stepSize"),
        "market_min_size": limit(part.min_qty, "MARKET_LOT_SIZE.minQty"),
        "market_max_size": limit(part.max_qty, "MARKET_LOT_SIZE.maxQty"),
    }


def _percent_price(part: BinanceFilter) -> dict[str, Any]:
    up = positive(part.multiplier_up, "PERCENT_PRICE.multiplierUp")
    down = positive(part.multiplier_down, "PERCENT_PRICE.multiplierDown")
    return {
        "bid_multiplier_up": up,
        "bid_multiplier_down": down,
        "ask_multiplier_up": up,
        "ask_multiplier_down": down,
    }


def _percent_price_by_side(part: BinanceFilter) -> dict[str, Any]:
    names = ("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down")
    return {name: positive(getattr(part, name), f"PERCENT_PRICE_BY_SIDE.{name}") for name in names}


def _notional(part: BinanceFilter) -> dict[str, Any]:
    """MIN_NOTIONAL's notional applies to all orders of futures, which do not say so."""
    least = limit(part.min_notional or part.notional, f"{part.filter_type}.minNotional")
    most = limit(part.max_notional, "NOTIONAL.maxNotional")
    for_market = (
        part.apply_to_market if part.apply_to_market is not None else part.apply_min_to_market
    )
    is_for_market = for_market is not False if part.notional else bool(for_market)
    return {
        "min_notional": least,
        "market_min_notional": least if is_for_market else None,
        "max_notional": most,
        "market_max_notional": most if part.apply_max_to_market else None,
    }


_READ: Final = {
    "PRICE_FILTER": _price,
    "LOT_SIZE": _lot,
    "MARKET_LOT_SIZE": _market_lot,
    "MIN_NOTIONAL": _notional,
    "NOTIONAL": _notional,
    "PERCENT_PRICE": _percent_price,
    "PERCENT_PRICE_BY_SIDE": _percent_price_by_side,
}
