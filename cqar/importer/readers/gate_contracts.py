"""Gate: perpetual futures and delivery contracts.

An order's `size` counts contracts, whole ones unless `enable_decimal`; one contract is
`quanto_multiplier` units of the base. Where that is 0 the field "does not take effect" and one
contract is 1 USD (the venue, gateapi-python #137): orders of such an inverse contract count USD.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, Scheduled, UnreadableRecord
from cqar.importer.readers.fields import (
    deviation,
    kind_by_settlement,
    limit,
    number,
    positive,
    rate,
    required_instant,
    seconds,
    split_once,
    text,
    unless_placeholder,
    whole_seconds,
    word,
)
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
_U = UnderlyingClassCode
#: Contracts are counted in whole numbers.
_WHOLE: Final = Decimal(1)

#: `delisting` is "reduce-only" by the documentation of `delisting_time`.
_STATUS: Final = {
    "prelaunch": _S.PREOPEN,
    "trading": _S.ONLINE,
    "delisting": _S.REDUCE_ONLY,
    "delisted": _S.DELISTED,
    "circuit_breaker": _S.HALTED,
}
_CLASS: Final[dict[str, UnderlyingClassCode | None]] = {
    "": None,
    "stocks": _U.EQUITY,
    "metals": _U.COMMODITY,
    "commodities": _U.COMMODITY,
    "indices": _U.INDEX,
    "forex": _U.FX,
}
_IS_INVERSE: Final = {"direct": False, "inverse": True}
_UNUSED: Final = frozenset(
    {
        *("mark_price_round", "mark_type", "mark_price", "index_price", "last_price"),
        *("ref_discount_rate", "ref_rebate_rate", "orders_limit", "orderbook_id", "trade_id"),
        *("trade_size", "config_change_time", "risk_limit_base", "risk_limit_step"),
        *("risk_limit_max", "leverage_min", "short_users", "long_users", "cross_leverage_default"),
        *("funding_rate", "funding_rate_indicative", "funding_offset", "funding_next_apply"),
        *("funding_impact_value", "funding_cap_ratio", "funding_rate_limit", "interest_rate"),
        *("enable_bonus", "enable_credit", "voucher_leverage", "enable_circuit_breaker"),
        *("market_order_slip_ratio", "settle_price", "settle_price_interval"),
        *("settle_price_duration", "settle_fee_rate", "basis_rate", "basis_value"),
        *("basis_impact_value", "cycle"),
    }
)


class GateContract(RawRecord, frozen=True):
    """A perpetual future, or a delivery contract, which has an `expire_time`."""

    name: str
    type: str
    quanto_multiplier: str | None = None
    in_delisting: bool | UnsetType = UNSET
    position_size: str | None = None
    status: str | UnsetType = UNSET
    is_pre_market: bool | None = None
    contract_type: str | None = None
    underlying: str | None = None
    create_time: str | None = None
    launch_time: str | None = None
    delisting_time: str | None = None
    delisted_time: str | None = None
    expire_time: str | None = None
    order_price_round: str | None = None
    enable_decimal: bool | None = None
    order_size_min: str | None = None
    order_size_max: str | None = None
    market_order_size_max: str | None = None
    order_price_deviate: str | None = None
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    leverage_max: str | None = None
    maintenance_rate: str | None = None
    funding_interval: str | None = None

    UNUSED: ClassVar = _UNUSED


def read_contract(record: GateContract, settlement: str, is_dated: bool) -> Market:
    """A contract.

    Args:
        settlement: Its settlement currency, which only the request's path names.
        is_dated: Whether it is a delivery contract: `BTC_USDT_20200814`.
    """
    name = text(record.name, "name")
    base, quote = split_once(name.rpartition("_")[0] if is_dated else name, "_", "name")
    kind = kind_by_settlement(base, quote, settlement)
    if word(record.type, "type", _IS_INVERSE) != (kind is ContractKindCode.INVERSE):
        raise UnreadableRecord(f"type is {record.type}, but {name} is settled in {settlement}")
    order_unit, size = _size(record, kind)
    status = _status(record)
    up, down = deviation(record.order_price_deviate, "order_price_deviate")
    created = unless_placeholder(seconds(record.create_time, "create_time"))
    launched = unless_placeholder(seconds(record.launch_time, "launch_time"))
    class_ = word(record.contract_type or "", "contract_type", _CLASS)
    return Market(
        spelling=name,
        symbol_type=SymbolTypeCode.FUTURE if is_dated else SymbolTypeCode.PERPETUAL,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        underlying_class=class_,
        underlying=record.underlying or (base if class_ is _U.INDEX else None),
        contract_kind=kind,
        expiry=_expiry(record) if is_dated else None,
        status=status,
        listed_at=created or launched,
        trading_starts_at=launched if created else None,
        order_unit=order_unit,
        contract_size=size,
        tick_size=positive(record.order_price_round, "order_price_round"),
        lot_size=None if record.enable_decimal else _WHOLE,
        min_order_size=limit(record.order_size_min, "order_size_min"),
        max_order_size=limit(record.order_size_max, "order_size_max"),
        market_max_size=limit(record.market_order_size_max, "market_order_size_max"),
        bid_multiplier_up=up,
        bid_multiplier_down=down,
        ask_multiplier_up=up,
        ask_multiplier_down=down,
        maker_fee=rate(record.maker_fee_rate, "maker_fee_rate"),
        taker_fee=rate(record.taker_fee_rate, "taker_fee_rate"),
        max_leverage=limit(record.leverage_max, "leverage_max"),
        maintenance_margin_rate=rate(record.maintenance_rate, "maintenance_rate"),
        funding_interval_s=whole_seconds(record.funding_interval, "funding_interval", 1),
        **_end(record, status),
    )


def _size(record: GateContract, kind: ContractKindCode) -> tuple[OrderUnitCode, Decimal | None]:
    """What an order counts, and the size of one contract."""
    size = number(record.quanto_multiplier, "quanto_multiplier")
    if kind is ContractKindCode.INVERSE and size == 0:
        return OrderUnitCode.QUOTE, None
    return OrderUnitCode.CONTRACT, positive(record.quanto_multiplier, "quanto_multiplier")


def _status(record: GateContract) -> MarketStatusCode | None:
    """The status; in answers without one, what `in_delisting` says.

    Documentation: true and a position is a transition period; true and no position is delisted.
    """
    if record.status is not UNSET:
        status = word(record.status, "status", _STATUS)
        return _S.PRE_MARKET if status is _S.ONLINE and record.is_pre_market else status
    if record.in_delisting is UNSET:
        return None
    if not record.in_delisting:
        return _S.ONLINE
    position = number(record.position_size, "position_size")
    if position is None:
        raise UnreadableRecord("in_delisting is true, and no position_size says how far it is")
    return _S.REDUCE_ONLY if position else _S.DELISTED


def _end(record: GateContract, status: MarketStatusCode | None) -> dict[str, Any]:
    """The end, stated or announced; and the start of the reduce-only time before it."""
    reduce_only = unless_placeholder(seconds(record.delisting_time, "delisting_time"))
    ended = unless_placeholder(seconds(record.delisted_time, "delisted_time"))
    if status is _S.DELISTED:
        return {"delisted_at": ended}
    if reduce_only is None or status is _S.REDUCE_ONLY:
        return {"ends_at": ended}
    return {"ends_at": ended, "scheduled": (Scheduled(reduce_only, "status", "REDUCE_ONLY"),)}


def _expiry(record: GateContract) -> dt.datetime:
    return required_instant(seconds(record.expire_time, "expire_time"), "expire_time")


def _line(venue_id: str, name: str, product: str, settle: str) -> ProductLine:
    """Perpetual futures (`futures`) or delivery contracts (`delivery`) of one settlement."""
    is_dated = product == "delivery"
    type_ = SymbolTypeCode.FUTURE if is_dated else SymbolTypeCode.PERPETUAL
    request = Request(
        f"api.gateio.ws/api/v4/{product}/{settle}/contracts", narrows=("limit", "offset")
    )
    read = partial(read_contract, settlement=settle.upper(), is_dated=is_dated)
    return ProductLine(
        venue_id=venue_id,
        name=name,
        operator="gate",
        forms=(
            Form(
                lists=(request,),
                record=GateContract,
                rows=each_object(name="name"),
                read=read,
                covers=lambda _query, _spelling, _type: False,
            ),
        ),
        symbol_types=frozenset({type_}),
        prices=(
            tickers(
                f"api.gateio.ws/api/v4/{product}/{settle}/tickers",
                fields=TickerFields(spelling="contract", traded="volume_24h"),
            ),
            tickers(request, fields=TickerFields(spelling="name", last="last_price")),
        ),
        ccxt_id="gate",
        documentation=("https://www.gate.com/docs/developers/apiv4/en/#futures",),
    )


PRODUCT_LINES: Final = (
    _line("gate-usdt", "Gate USDT Perpetual Futures", "futures", "usdt"),
    _line("gate-btc", "Gate BTC Perpetual Futures", "futures", "btc"),
    _line("gate-delivery-usdt", "Gate USDT Delivery Futures", "delivery", "usdt"),
    _line("gate-delivery-btc", "Gate BTC Delivery Futures", "delivery", "btc"),
)
