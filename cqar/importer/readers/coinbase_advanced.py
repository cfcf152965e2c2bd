"""Coinbase Advanced Trade: spot of Coinbase Exchange, futures of Coinbase Derivatives (CDE), INTX.

Sizes of spot orders are in the base asset; of futures they are numbers of contracts, each of
`contract_size` units of `contract_root_unit`. A perpetual-style future of CDE has an expiry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.coinbase_status import (
    CoinbaseStatus,
    by_flags,
    order_types_of,
    status_of,
)
from cqar.importer.readers.fields import integer, iso, limit, positive, text, word
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    RawRecord,
    Request,
    answers_to,
    each_object,
)
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_NARROWS: Final = ("product_type", "product_ids", "contract_expiry_type")
_REQUESTS: Final = tuple(
    Request(f"api.coinbase.com/api/v3/brokerage/{path}", narrows=_NARROWS, pages="cursor")
    for path in ("market/products", "products")
)
_FUTURE_TYPES: Final = {
    "EXPIRING": SymbolTypeCode.FUTURE,
    "PERPETUAL": SymbolTypeCode.PERPETUAL,
}
_CLASSES: Final[Mapping[str, UnderlyingClassCode | None]] = {
    "FUTURES_ASSET_TYPE_CRYPTO": UnderlyingClassCode.CRYPTO,
    "FUTURES_ASSET_TYPE_METALS": UnderlyingClassCode.COMMODITY,
    "FUTURES_ASSET_TYPE_ENERGY": UnderlyingClassCode.COMMODITY,
    "FUTURES_ASSET_TYPE_STOCKS": UnderlyingClassCode.EQUITY,
    "FUTURES_ASSET_TYPE_UNDEFINED": None,
}
_SESSIONS: Final = {
    "FCM_TRADING_SESSION_STATE_OPEN": MarketStatusCode.ONLINE,
    "FCM_TRADING_SESSION_STATE_CLOSE": MarketStatusCode.HALTED,
    "FCM_TRADING_SESSION_STATE_PRE_OPEN": MarketStatusCode.PREOPEN,
    "FCM_TRADING_SESSION_STATE_PRE_OPEN_NO_CANCEL": MarketStatusCode.PREOPEN,
}
_UNDEFINED_SESSION: Final = "FCM_TRADING_SESSION_STATE_UNDEFINED"


class TradingSession(RawRecord, frozen=True):
    """The trading session of a future at the clearing member (FCM)."""

    is_session_open: bool | None = None
    session_state: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("open_time", "close_time", "after_hours_order_entry_disabled", "closed_reason"),
            "maintenance",
        }
    )


class AdvancedPerpetual(RawRecord, frozen=True):
    """Details of a perpetual of INTX; of other futures they are empty."""

    max_leverage: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("open_interest", "funding_rate", "funding_time", "base_asset_uuid"),
            "underlying_type",
        }
    )


class AdvancedFuture(RawRecord, frozen=True):
    """What only a future has."""

    contract_expiry: str | None = None
    contract_size: str | None = None
    contract_root_unit: str | None = None
    contract_expiry_type: str | None = None
    futures_asset_type: str | None = None
    funding_interval: str | None = None
    perpetual_details: AdvancedPerpetual | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("venue", "contract_code", "group_description", "contract_expiry_timezone"),
            *("group_short_description", "risk_managed_by", "contract_display_name"),
            *("time_to_expiry_ms", "time_to_expiry", "non_crypto", "contract_expiry_name"),
            *("twenty_four_by_seven", "open_interest", "funding_rate", "funding_time"),
            *("display_name", "region_enabled", "intraday_margin_rate", "product_group_cbrn"),
            *("overnight_margin_rate", "settlement_price", "index_price"),
            "contract_code_display_name",
        }
    )


class AdvancedProduct(CoinbaseStatus, frozen=True, kw_only=True):
    """A product, spot or future."""

    product_id: str
    product_type: str
    base_currency_id: str | None = None
    quote_currency_id: str | None = None
    base_name: str | None = None
    quote_name: str | None = None
    price_increment: str | None = None
    base_increment: str | None = None
    base_min_size: str | None = None
    base_max_size: str | None = None
    quote_min_size: str | None = None
    quote_max_size: str | None = None
    fcm_trading_session_details: TradingSession | None = None
    future_product_details: AdvancedFuture | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("price", "price_percentage_change_24h", "volume_24h", "quote_increment", "watched"),
            *("volume_percentage_change_24h", "new", "mid_market_price", "alias", "alias_to"),
            *("base_display_symbol", "quote_display_symbol", "display_name"),
            *("product_venue", "approximate_quote_24h_volume", "new_at", "market_cap"),
            *("base_cbrn", "quote_cbrn", "product_cbrn", "icon_color", "icon_url"),
            *("display_name_overwrite", "is_alpha_testing", "about_description"),
            *("best_bid_price", "best_ask_price"),
        }
    )


def read_product(record: AdvancedProduct) -> Market:
    """A product. `new_at` is when the app began to show it as new, not when it was listed."""
    make = word(record.product_type, "product_type", {"SPOT": _spot, "FUTURE": _future})
    quote = Code(
        text(record.quote_currency_id, "quote_currency_id"), name=record.quote_name or None
    )
    return Market(
        spelling=text(record.product_id, "product_id"),
        quote=quote,
        order_types=order_types_of(record),
        tick_size=positive(record.price_increment, "price_increment"),
        lot_size=positive(record.base_increment, "base_increment"),
        min_order_size=limit(record.base_min_size, "base_min_size"),
        max_order_size=limit(record.base_max_size, "base_max_size"),
        **make(record, quote),
    )


def _spot(record: AdvancedProduct, _quote: Code) -> dict[str, Any]:
    """Sizes in the quote limit market orders, which may be for an amount of it."""
    base = text(record.base_currency_id, "base_currency_id")
    return {
        "symbol_type": SymbolTypeCode.SPOT,
        "base": Code(base, name=record.base_name or None),
        "status": status_of(record),
        "order_unit": OrderUnitCode.BASE,
        "market_min_notional": limit(record.quote_min_size, "quote_min_size"),
        "market_max_notional": limit(record.quote_max_size, "quote_max_size"),
    }


def _future(record: AdvancedProduct, quote: Code) -> dict[str, Any]:
    details = record.future_product_details
    if details is None:
        raise UnreadableRecord("future_product_details is not stated of a future")
    symbol_type = word(details.contract_expiry_type, "contract_expiry_type", _FUTURE_TYPES)
    ends_at = iso(details.contract_expiry, "contract_expiry")
    is_future = symbol_type is SymbolTypeCode.FUTURE
    if is_future and ends_at is None:
        raise UnreadableRecord("contract_expiry is not stated of a future that expires")
    perpetual = details.perpetual_details or AdvancedPerpetual()
    return {
        "symbol_type": symbol_type,
        "base": Code(text(details.contract_root_unit, "contract_root_unit")),
        "settlement": quote,
        "contract_kind": ContractKindCode.LINEAR,
        "underlying_class": _class(details.futures_asset_type),
        "expiry": ends_at if is_future else None,
        "ends_at": None if is_future else ends_at,
        "status": _future_status(record),
        "order_unit": OrderUnitCode.CONTRACT,
        "contract_size": positive(details.contract_size, "contract_size"),
        "max_leverage": positive(perpetual.max_leverage, "max_leverage"),
        "funding_interval_s": _seconds(details.funding_interval),
    }


def _class(name: str | None) -> UnderlyingClassCode | None:
    return word(name, "futures_asset_type", _CLASSES) if name else None


def _seconds(duration: str | None) -> int | None:
    """A duration such as `3600s`."""
    if not duration:
        return None
    if not duration.endswith("s"):
        raise UnreadableRecord(f"funding_interval is {duration[:80]!r}: no duration in seconds")
    return integer(duration[:-1], "funding_interval") or None


def _future_status(record: AdvancedProduct) -> MarketStatusCode | None:
    """Its word is empty: the flags decide, and the session of what they let trade."""
    status = by_flags(record) if _has_flags_alone(record) else status_of(record)
    session = record.fcm_trading_session_details
    if status is not MarketStatusCode.ONLINE or session is None:
        return status
    if session.session_state not in (None, "", _UNDEFINED_SESSION):
        status = word(session.session_state, "session_state", _SESSIONS)
    if status is MarketStatusCode.ONLINE and session.is_session_open is False:
        return MarketStatusCode.HALTED
    return status


def _has_flags_alone(record: AdvancedProduct) -> bool:
    return record.status == "" and record.trading_disabled is not msgspec.UNSET


def _covers(query: Mapping[str, str], spelling: str, symbol_type: SymbolTypeCode) -> bool:
    if "product_ids" in query:
        return spelling in query["product_ids"].split(",")
    is_spot = symbol_type is SymbolTypeCode.SPOT
    if query.get("product_type") not in (None, "SPOT" if is_spot else "FUTURE"):
        return False
    asked = query.get("contract_expiry_type")
    return asked is None or _FUTURE_TYPES.get(asked) is symbol_type


def _incomplete(answers: Answers) -> str | None:
    """Answers in pages say whether there is a next one; the last one says that there is none."""
    pages = [answer.value.get("pagination") for answer in answers_to(answers, *answers)]
    told = [page for page in pages if isinstance(page, dict) and "has_next" in page]
    if told and all(page["has_next"] for page in told):
        return "the last page of products is missing"
    return None


def _next_page(answer: Any) -> str:
    page = answer.get("pagination") if isinstance(answer, dict) else None
    has_next = isinstance(page, dict) and page.get("has_next") is True
    cursor = page.get("next_cursor") if isinstance(page, dict) and has_next else None
    return cursor if isinstance(cursor, str) else ""


FORM: Final = Form(
    lists=_REQUESTS,
    record=AdvancedProduct,
    rows=each_object("products", name="product_id"),
    read=read_product,
    covers=_covers,
    incomplete=_incomplete,
    next_page=_next_page,
)
