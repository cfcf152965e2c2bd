"""Gate: options. An order's `size` counts whole contracts of `multiplier` units of the base."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market
from cqar.importer.readers.fields import (
    limit,
    positive,
    rate,
    required,
    required_instant,
    seconds,
    split_once,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar_shared.domain.kinds.symbol import ContractKindCode, OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_ACTIVE: Final = {"true": MarketStatusCode.ONLINE, "false": MarketStatusCode.HALTED}
#: Contracts are counted in whole numbers.
_WHOLE: Final = Decimal(1)


class GateOption(RawRecord, frozen=True):
    name: str
    underlying: str
    is_call: bool
    strike_price: str | None = None
    expiration_time: str | None = None
    create_time: str | None = None
    multiplier: str | None = None
    order_price_round: str | None = None
    order_size_min: str | None = None
    order_size_max: str | None = None
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    is_active: bool | UnsetType = UNSET

    # Its price bounds are relative to the mark price and to the underlying's at once.
    UNUSED: ClassVar = frozenset(
        {
            *("tag", "position_size", "underlying_price", "price_limit_fee_rate", "mark_price"),
            *("order_price_deviate", "position_limit", "bid1_price", "bid1_size", "ask1_price"),
            *("ask1_size", "mark_price_round", "last_price", "index_price", "orderbook_id"),
            *("trade_id", "trade_size", "ref_discount_rate", "ref_rebate_rate", "orders_limit"),
            *("settle_fee_rate", "init_margin_high", "init_margin_low", "maint_margin_base"),
        }
    )


def read_option(record: GateOption) -> Market:
    """An option, which is settled in the quote of its underlying: BTC_USDT in USDT."""
    base, quote = split_once(text(record.underlying, "underlying"), "_", "underlying")
    expiry = required_instant(seconds(record.expiration_time, "expiration_time"), "expiration_time")
    status = None if record.is_active is UNSET else word(record.is_active, "is_active", _ACTIVE)
    return Market(
        spelling=text(record.name, "name"),
        symbol_type=SymbolTypeCode.OPTION,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(quote),
        underlying=record.underlying,
        contract_kind=ContractKindCode.LINEAR,
        expiry=expiry,
        strike=required(record.strike_price, "strike_price"),
        option_type=OptionTypeCode.CALL if record.is_call else OptionTypeCode.PUT,
        status=status,
        listed_at=unless_placeholder(seconds(record.create_time, "create_time")),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=positive(record.multiplier, "multiplier"),
        tick_size=positive(record.order_price_round, "order_price_round"),
        lot_size=_WHOLE,
        min_order_size=limit(record.order_size_min, "order_size_min"),
        max_order_size=limit(record.order_size_max, "order_size_max"),
        maker_fee=rate(record.maker_fee_rate, "maker_fee_rate"),
        taker_fee=rate(record.taker_fee_rate, "taker_fee_rate"),
    )


LINE: Final = ProductLine(
    venue_id="gate-options",
    name="Gate Options",
    operator="gate",
    forms=(
        Form(
            lists=(
                Request(
                    "api.gateio.ws/api/v4/options/contracts",
                    narrows=("underlying", "expiration"),
                ),
            ),
            record=GateOption,
            rows=each_object(name="name"),
            read=read_option,
            covers=lambda query, spelling, _: (
                "expiration" not in query and spelling.startswith(query["underlying"] + "-")
            ),
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.OPTION}),
    ccxt_id="gate",
    documentation=("https://www.gate.com/docs/developers/apiv4/en/#options",),
)
