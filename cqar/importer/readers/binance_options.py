"""Binance options.

Quantities of orders count contracts; `unit` is "the quantity of the underlying asset represented
by a single contract". The base and the settlement stand in `optionContracts`, by underlying.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.binance_filters import BinanceFilter, new_filters, terms_of
from cqar.importer.readers.fields import (
    kind_by_settlement,
    limit,
    milliseconds,
    rate,
    required,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
_SIDES: Final = {"CALL": OptionTypeCode.CALL, "PUT": OptionTypeCode.PUT}
_STATUS: Final = {
    "PENDING_TRADING": _S.PREOPEN,
    "PRE_TRADING": _S.PREOPEN,
    "TRADING": _S.ONLINE,
    "TRADING_HALT": _S.HALTED,
    "TRADING_CANCEL_ONLY": _S.CANCEL_ONLY,
    "PRE_DELIVERING": _S.SETTLING,
    "DELIVERING": _S.SETTLING,
    "SETTLING": _S.SETTLING,
    "DELIVERED": _S.DELISTED,
    "CLOSE": _S.DELISTED,
}
_CLASSES: Final = {
    "COIN": UnderlyingClassCode.CRYPTO,
    "CRYPTO": UnderlyingClassCode.CRYPTO,
    "INDEX": UnderlyingClassCode.INDEX,
    "EQUITY": UnderlyingClassCode.EQUITY,
    "COMMODITY": UnderlyingClassCode.COMMODITY,
}


class BinanceOption(RawRecord, frozen=True, rename="camel"):
    """An option; `@` fields are of its underlying's entry in `optionContracts`."""

    symbol: str
    side: str
    underlying: str
    strike_price: str
    expiry_date: str
    quote_asset: str
    unit: str
    status: str | None = None
    underlying_type: str | None = None
    min_qty: str | None = None
    max_qty: str | None = None
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    initial_margin: str | None = None
    maintenance_margin: str | None = None
    filters: tuple[BinanceFilter, ...] | None = None
    base_asset: str | None = msgspec.field(name="@baseAsset", default=None)
    settle_asset: str | None = msgspec.field(name="@settleAsset", default=None)

    UNUSED: ClassVar = frozenset(
        {
            *("id", "contractId", "contractType", "liquidationFeeRate", "minInitialMargin"),
            *("minMaintenanceMargin", "priceScale", "quantityScale"),
        }
    )

    def new_parts(self) -> tuple[str, ...]:
        return new_filters(self.filters or ())


def read_option(record: BinanceOption) -> Market:
    base = text(record.base_asset, "optionContracts.baseAsset")
    quote = text(record.quote_asset, "quoteAsset")
    settlement = text(record.settle_asset, "optionContracts.settleAsset")
    expiry = unless_placeholder(milliseconds(record.expiry_date, "expiryDate"))
    if expiry is None:
        raise UnreadableRecord("expiryDate is not stated")
    sizes = {
        "min_order_size": limit(record.min_qty, "minQty"),
        "max_order_size": limit(record.max_qty, "maxQty"),
    }
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.OPTION,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        contract_kind=kind_by_settlement(base, quote, settlement),
        underlying_class=(
            word(record.underlying_type, "underlyingType", _CLASSES)
            if record.underlying_type
            else None
        ),
        underlying=text(record.underlying, "underlying"),
        expiry=expiry,
        strike=required(record.strike_price, "strikePrice"),
        option_type=word(record.side, "side", _SIDES),
        status=word(record.status, "status", _STATUS) if record.status is not None else None,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=required(record.unit, "unit"),
        maker_fee=rate(record.maker_fee_rate, "makerFeeRate"),
        taker_fee=rate(record.taker_fee_rate, "takerFeeRate"),
        initial_margin_rate=rate(record.initial_margin, "initialMargin"),
        maintenance_margin_rate=rate(record.maintenance_margin, "maintenanceMargin"),
        **(sizes | _stated(terms_of(record.filters or (), of_futures=True))),
    )


def _stated(terms: dict[str, Any]) -> dict[str, Any]:
    """The terms that filters state, so that their silence hides no field of the record."""
    return {name: value for name, value in terms.items() if value is not None}


def _forms(host: str) -> tuple[Form[BinanceOption], ...]:
    listing = Request(f"{host}/eapi/v1/exchangeInfo")

    def rows(answers: Answers) -> Iterable[Row]:
        for answer in answers_to(answers, listing):
            contracts = {
                row.record.get("underlying"): row.record
                for row in objects_at(answer.value, "optionContracts", name="underlying")
                if isinstance(row.record, dict) and isinstance(row.record.get("underlying"), str)
            }
            for row in objects_at(answer.value, "optionSymbols"):
                yield Row(row.name, _with_contract(row.record, contracts))

    return (Form(lists=(listing,), record=BinanceOption, rows=rows, read=read_option),)


def _with_contract(record: Any, contracts: dict[Any, dict[str, Any]]) -> Any:
    if not isinstance(record, dict) or not isinstance(record.get("underlying"), str):
        return record
    found = contracts.get(record["underlying"], {})
    added = {f"@{name}": found.get(name) for name in ("baseAsset", "settleAsset")}
    return record | added


_DOCS: Final = "https://developers.binance.com/docs/derivatives/options-trading"

PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="binance-options",
        name="Binance Options",
        operator="binance",
        forms=_forms("eapi.binance.com"),
        symbol_types=frozenset({SymbolTypeCode.OPTION}),
        ccxt_id="binance",
        documentation=(f"{_DOCS}/market-data/Exchange-Information", f"{_DOCS}/trade/New-Order"),
    ),
    ProductLine(
        venue_id="binance-options-testnet",
        name="Binance Options Testnet",
        operator="binance-testnet",
        forms=_forms("testnet.binancefuture.com"),
        symbol_types=frozenset({SymbolTypeCode.OPTION}),
        environment=EnvironmentCode.TESTNET,
    ),
)
