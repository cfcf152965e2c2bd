"""Phemex and its testnet: spot, contracts of 2019 (Perpetual) and of 2022 (PerpetualV2).

- Spot: `baseQtyEv` of an order is in the base.
- Perpetual: `orderQty` counts contracts of `contractSize` units of `contractUnderlyingAssets`: of
  BTCUSD, which pays in BTC, 100 contracts of 1 USD are 100 USD.
- PerpetualV2: `orderQtyRq` is in the base.

Limits of an order's value are of any order. Prices with the ending Ep are scaled by 10^priceScale;
fields with Rp, Rq or Rv are as they stand.
"""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.fields import (
    PLACES_MAX,
    amount_in,
    exact_quotient,
    integer,
    kind_by_settlement,
    limit,
    milliseconds,
    percent,
    positive,
    rate,
    required,
    split_once,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.phemex_answers import products
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    Request,
    answers_to,
)
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_T = SymbolTypeCode
_K = ContractKindCode
_STATUS: Final = {"Listed": MarketStatusCode.ONLINE, "Delisted": MarketStatusCode.DELISTED}
#: Kinds of perpProductsV2. TradFi are shares, indices, metals and currencies alike. PreMarket are
#: those whose underlying does not trade yet: listed, they are in pre-market trading.
_IS_PRE_MARKET: Final = {"Normal": False, "TradFi": False, "PreMarket": True}
#: A base that is a multiple of a coin: `1000 SHIB`.
_MULTIPLE: Final = re.compile(r"(10{2,8}) ([A-Z0-9]{1,20})", re.ASCII)


class PhemexTier(RawRecord, frozen=True, rename="camel"):
    """The first tier of a contract's risk limits, in percent or (V2) as fractions."""

    initial_margin: str | None = None
    maintenance_margin: str | None = None
    initial_margin_rr: str | None = None
    maintenance_margin_rr: str | None = None

    UNUSED: ClassVar = frozenset({"limit", "initialMarginEr", "maintenanceMarginEr"})


class PhemexProduct(RawRecord, frozen=True, rename="camel"):
    symbol: str
    type: str
    quote_currency: str
    status: str | None = None
    display_symbol: str | None = None
    base_currency: str | None = None
    settle_currency: str | None = None
    list_time: str | None = None
    base_tick_size: str | None = None
    quote_tick_size: str | None = None
    min_order_value: str | None = None
    max_order_value: str | None = None
    max_base_order_size: str | None = None
    default_taker_fee: str | None = None
    default_maker_fee: str | None = None
    buy_price_upper_limit_pct: str | None = None
    sell_price_lower_limit_pct: str | None = None
    leverage: str | None = None
    index_symbol: str | None = None
    perp_product_sub_type: str | None = None
    contract_underlying_assets: str | None = None
    contract_size: str | None = None
    lot_size: str | None = None
    tick_size: str | None = None
    price_scale: str | None = None
    min_price_ep: str | None = None
    max_price_ep: str | None = None
    max_order_qty: str | None = None
    max_leverage: str | None = None
    funding_interval: str | None = None
    qty_step_size: str | None = None
    max_order_qty_rq: str | None = None
    min_price_rp: str | None = None
    max_price_rp: str | None = None
    min_order_value_rv: str | None = None
    tier: PhemexTier | None = msgspec.field(default=None, name="@tier")
    base_name: str | None = msgspec.field(default=None, name="@baseName")
    quote_name: str | None = msgspec.field(default=None, name="@quoteName")

    UNUSED: ClassVar = frozenset(
        {
            *("code", "ratioScale", "pricePrecision", "description", "majorSymbol", "steps"),
            *("baseTickSizeEv", "quoteTickSizeEv", "minOrderValueEv", "maxBaseOrderSizeEv"),
            *("maxOrderValueEv", "defaultTakerFeeEr", "defaultMakerFeeEr", "baseQtyPrecision"),
            *("quoteQtyPrecision", "tipOrderQty", "markSymbol", "fundingRateSymbol"),
            *("fundingRate8hSymbol", "valueScale", "defaultLeverage", "qtyPrecision"),
            *("tipOrderQtyRq", "maxOpenPosLeverage", "leverageMargin", "maxOI"),
        }
    )


def read_product(record: PhemexProduct) -> Market:
    return word(record.type, "type", _READ)(record)


def _spot(record: PhemexProduct) -> Market:
    base, quote = text(record.base_currency, "baseCurrency"), record.quote_currency
    least = amount_in(record.min_order_value, quote, "minOrderValue")
    most = amount_in(record.max_order_value, quote, "maxOrderValue")
    return Market(
        symbol_type=_T.SPOT,
        base=Code(base, name=record.base_name),
        order_unit=OrderUnitCode.BASE,
        tick_size=_step(record.quote_tick_size, quote, "quoteTickSize"),
        lot_size=_step(record.base_tick_size, base, "baseTickSize"),
        max_order_size=amount_in(record.max_base_order_size, base, "maxBaseOrderSize"),
        min_notional=least,
        max_notional=most,
        market_min_notional=least,
        market_max_notional=most,
        maker_fee=rate(record.default_maker_fee, "defaultMakerFee"),
        taker_fee=rate(record.default_taker_fee, "defaultTakerFee"),
        bid_multiplier_up=_hundredths(record.buy_price_upper_limit_pct, "buyPriceUpperLimitPct"),
        ask_multiplier_down=_hundredths(
            record.sell_price_lower_limit_pct, "sellPriceLowerLimitPct"
        ),
        max_leverage=limit(record.leverage, "leverage"),
        **_listing(record),
    )


def _perpetual(record: PhemexProduct) -> Market:
    """A contract of 2019: orders count contracts."""
    base, settlement, kind = _sides(record)
    unit = text(record.contract_underlying_assets, "contractUnderlyingAssets")
    if unit != (record.quote_currency if kind is _K.INVERSE else base):
        raise UnreadableRecord(f"contractUnderlyingAssets is {unit[:80]!r}: neither side's unit")
    scale = Decimal(10) ** _price_scale(record)
    return Market(
        **_contract(record, base, settlement, kind),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=required(record.contract_size, "contractSize"),
        lot_size=positive(record.lot_size, "lotSize"),
        max_order_size=limit(record.max_order_qty, "maxOrderQty"),
        min_price=_scaled(record.min_price_ep, scale, "minPriceEp"),
        max_price=_scaled(record.max_price_ep, scale, "maxPriceEp"),
    )


def _perpetual_v2(record: PhemexProduct) -> Market:
    """A contract of 2022: orders are in the base."""
    base, settlement, kind = _sides(record)
    least = limit(record.min_order_value_rv, "minOrderValueRv")
    return Market(
        **_contract(record, base, settlement, kind),
        order_unit=OrderUnitCode.BASE,
        lot_size=positive(record.qty_step_size, "qtyStepSize"),
        max_order_size=limit(record.max_order_qty_rq, "maxOrderQtyRq"),
        min_price=limit(record.min_price_rp, "minPriceRp"),
        max_price=limit(record.max_price_rp, "maxPriceRp"),
        min_notional=least,
        market_min_notional=least,
    )


_READ: Final = {
    "Spot": _spot,
    "Perpetual": _perpetual,
    "PerpetualV2": _perpetual_v2,
    "PerpetualPilot": _perpetual_v2,
}


def _sides(record: PhemexProduct) -> tuple[str, str, ContractKindCode]:
    """Base, settlement and kind. Without baseCurrency the base is the first of `BTC / USD`."""
    settlement = text(record.settle_currency, "settleCurrency")
    base = record.base_currency
    if not base:
        shown = text(record.display_symbol, "displaySymbol")
        base = split_once(shown, "/", "displaySymbol")[0].strip()
    kind = kind_by_settlement(base, record.quote_currency, settlement)
    if kind is _K.QUANTO:
        raise UnreadableRecord(f"settleCurrency is {settlement[:80]!r}: neither quote nor base")
    return base, settlement, kind


def _contract(
    record: PhemexProduct, base: str, settlement: str, kind: ContractKindCode
) -> dict[str, Any]:
    tier = record.tier or PhemexTier()
    many = _MULTIPLE.fullmatch(base)
    return {
        "symbol_type": _T.PERPETUAL,
        "base": Code(base, name=record.base_name),
        "settlement": Code(settlement),
        "contract_kind": kind,
        "underlying": record.index_symbol or None,
        "unit_multiplier": Decimal(many[1]) if many else None,
        "multiple_of": Code(many[2]) if many else None,
        "tick_size": positive(record.tick_size, "tickSize"),
        "max_leverage": limit(record.max_leverage, "maxLeverage"),
        "funding_interval_s": integer(record.funding_interval, "fundingInterval") or None,
        "initial_margin_rate": _margin(tier.initial_margin, tier.initial_margin_rr),
        "maintenance_margin_rate": _margin(tier.maintenance_margin, tier.maintenance_margin_rr),
        **_listing(record),
        **_phase(record),
    }


def _phase(record: PhemexProduct) -> dict[str, Any]:
    kind = record.perp_product_sub_type
    is_early = kind is not None and word(kind, "perpProductSubType", _IS_PRE_MARKET)
    return {"status": MarketStatusCode.PRE_MARKET} if is_early and record.status == "Listed" else {}


def _listing(record: PhemexProduct) -> dict[str, Any]:
    return {
        "spelling": text(record.symbol, "symbol"),
        "quote": Code(text(record.quote_currency, "quoteCurrency"), name=record.quote_name),
        "status": None if record.status is None else word(record.status, "status", _STATUS),
        "listed_at": unless_placeholder(milliseconds(record.list_time, "listTime")),
    }


def _step(value: str | None, unit: str, field: str) -> Decimal | None:
    """A step that is written with its unit: `0.01 USDT`."""
    step = amount_in(value, unit, field)
    if value and step is None:
        raise UnreadableRecord(f"{field} is {value[:80]}: it must be above zero")
    return step


def _hundredths(value: str | None, field: str) -> Decimal | None:
    """A bound in percent of a reference price, as a factor: 110 is 1.1."""
    found = positive(value, field)
    return exact_quotient(found, Decimal(100), field) if found is not None else None


def _price_scale(record: PhemexProduct) -> int:
    scale = integer(record.price_scale, "priceScale") or 0
    if not 0 <= scale <= PLACES_MAX:
        raise UnreadableRecord(f"priceScale is {scale}: it must be from 0 to {PLACES_MAX}")
    return scale


def _scaled(value: str | None, scale: Decimal, field: str) -> Decimal | None:
    found = limit(value, field)
    return exact_quotient(found, scale, field) if found is not None else None


def _margin(in_percent: str | None, fraction: str | None) -> Decimal | None:
    """A margin of V2, a fraction; or of a contract of 2019: `1.0%`."""
    if fraction:
        return rate(fraction, "initialMarginRr")
    return percent((in_percent or "").removesuffix("%"), "initialMargin")


def _form(host: str) -> Form[PhemexProduct]:
    return Form(
        lists=(Request(f"{host}/public/products"),),
        record=PhemexProduct,
        rows=lambda answers: products(answers_to(answers, *answers)),
        read=read_product,
    )


_LINE: Final = ProductLine(
    venue_id="phemex",
    name="Phemex",
    operator="phemex",
    forms=(_form("api.phemex.com"),),
    symbol_types=frozenset({_T.SPOT, _T.PERPETUAL}),
    ccxt_id="phemex",
    documentation=(
        "https://phemex-docs.github.io/#query-product-information",
        "https://phemex-docs.github.io/#contract-api-list",
        "https://phemex-docs.github.io/#usdt-m-perpetual-rest-api",
    ),
    website="https://phemex.com",
)

PRODUCT_LINES: Final = (
    _LINE,
    dataclasses.replace(
        _LINE,
        venue_id="phemex-testnet",
        name="Phemex Testnet",
        operator="phemex-testnet",
        forms=(_form("testnet-api.phemex.com"),),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
