"""KuCoin: futures.

An order's `size` counts lots of one contract: "the lot size of XBTUSDTM is 0.001 Bitcoin, the lot
size of XBTUSDM is 1 USD". `multiplier` is 0.001 of the first, and -1 of the second, an inverse.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar, Final

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.fields import (
    deviation,
    integer,
    kind_by_settlement,
    limit,
    milliseconds,
    number,
    positive,
    rate,
    required_instant,
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
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
_U = UnderlyingClassCode

_STATUS: Final = {
    "Init": _S.PREOPEN,
    "Open": _S.ONLINE,
    "BeingSettled": _S.SETTLING,
    "Settled": _S.DELISTED,
    "Paused": _S.HALTED,
    "Closed": _S.DELISTED,
    "CancelOnly": _S.CANCEL_ONLY,
}
_OPEN_STATUS: Final = {"NORMAL": _S.ONLINE, "PRE_MARKET": _S.PRE_MARKET}
_TYPES: Final = {"FFWCSX": SymbolTypeCode.PERPETUAL, "FFICSX": SymbolTypeCode.FUTURE}
_CLASS: Final = {
    "CRYPTO": _U.CRYPTO,
    "METAL": _U.COMMODITY,
    "COMMODITY": _U.COMMODITY,
    "STOCK": _U.EQUITY,
}
#: The venue writes Bitcoin XBT on this line, as it documents.
_TICKERS: Final = {"XBT": "BTC"}
_MS_PER_S: Final = 1_000


class KucoinContract(RawRecord, frozen=True, rename="camel"):
    symbol: str
    type: str
    base_currency: str
    quote_currency: str
    settle_currency: str
    status: str
    is_inverse: bool
    market_stage: str | None = None
    asset_class: str | None = None
    index_symbol: str | None = None
    first_open_date: str | None = None
    expire_date: str | None = None
    multiplier: str | None = None
    lot_size: str | None = None
    tick_size: str | None = None
    max_order_qty: str | None = None
    market_max_order_qty: str | None = None
    max_price: str | None = None
    order_price_range: str | None = None
    initial_margin: str | None = None
    maintain_margin: str | None = None
    max_leverage: str | None = None
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    funding_rate_granularity: str | None = None
    current_funding_rate_granularity: str | None = None

    # isQuanto is deprecated; buyLimit and sellLimit are of the moment (orderPriceRange is not).
    UNUSED: ClassVar = frozenset(
        {
            *("rootSymbol", "displaySymbol", "displayBaseCurrency", "settleDate"),
            *("indexPriceTickSize", "maxRiskLimit", "minRiskLimit", "riskStep", "crossRiskLimit"),
            *("takerFixFee", "makerFixFee", "settlementFee", "isDeleverage", "isQuanto"),
            *("markMethod", "fairMethod", "fundingBaseSymbol", "fundingQuoteSymbol"),
            *("fundingRateSymbol", "settlementSymbol", "fundingFeeRate", "period"),
            *("predictedFundingFeeRate", "fundingRateCap", "fundingRateFloor", "dailyInterestRate"),
            *("effectiveFundingRateCycleStartTime", "lastTimeFundingRate", "nextFundingRateTime"),
            *("nextFundingRateDateTime", "openInterest", "turnoverOf24h", "volumeOf24h"),
            *("markPrice", "indexPrice", "lastTradePrice", "sourceExchanges", "premiumsSymbol1M"),
            *("premiumsSymbol8H", "fundingBaseSymbol1M", "fundingQuoteSymbol1M", "lowPrice"),
            *("highPrice", "priceChgPct", "priceChg", "k", "m", "f", "mmrLimit", "mmrLevConstant"),
            *("adjustK", "adjustM", "adjustMmrLevConstant", "adjustActiveTime", "supportCross"),
            *("buyLimit", "sellLimit", "preMarketToPerpDate", "marketType", "subMarketType"),
        }
    )


def read_contract(record: KucoinContract) -> Market:
    base = _code(record.base_currency, "baseCurrency")
    quote = _code(record.quote_currency, "quoteCurrency")
    settlement = _code(record.settle_currency, "settleCurrency")
    kind = kind_by_settlement(base.venue, quote.venue, settlement.venue)
    if record.is_inverse != (kind is ContractKindCode.INVERSE):
        raise UnreadableRecord(
            f"isInverse is {record.is_inverse}, but it is settled in {settlement.venue}"
        )
    type_ = word(record.type, "type", _TYPES)
    status = _status(record)
    class_ = record.asset_class
    up, down = deviation(record.order_price_range, "orderPriceRange")
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=type_,
        base=base,
        quote=quote,
        settlement=settlement,
        underlying_class=word(class_, "assetClass", _CLASS) if class_ else None,
        underlying=record.index_symbol or None,
        contract_kind=kind,
        status=status,
        listed_at=_instant(record.first_open_date, "firstOpenDate"),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=_size(record, kind),
        tick_size=positive(record.tick_size, "tickSize"),
        lot_size=positive(record.lot_size, "lotSize"),
        max_order_size=limit(record.max_order_qty, "maxOrderQty"),
        market_max_size=limit(record.market_max_order_qty, "marketMaxOrderQty"),
        max_price=limit(record.max_price, "maxPrice"),
        bid_multiplier_up=up,
        ask_multiplier_down=down,
        maker_fee=rate(record.maker_fee_rate, "makerFeeRate"),
        taker_fee=rate(record.taker_fee_rate, "takerFeeRate"),
        max_leverage=limit(record.max_leverage, "maxLeverage"),
        initial_margin_rate=rate(record.initial_margin, "initialMargin"),
        maintenance_margin_rate=rate(record.maintain_margin, "maintainMargin"),
        funding_interval_s=_funding_interval(record),
        **_end(record, type_, status),
    )


def _code(value: str, field: str) -> Code:
    code = text(value, field)
    return Code(code, _TICKERS.get(code, code))


def _status(record: KucoinContract) -> MarketStatusCode:
    status = word(record.status, "status", _STATUS)
    open_status = word(record.market_stage or "NORMAL", "marketStage", _OPEN_STATUS)
    return open_status if status is _S.ONLINE else status


def _size(record: KucoinContract, kind: ContractKindCode) -> Decimal | None:
    """The size of a contract; of an inverse one the multiplier is negative."""
    size = number(record.multiplier, "multiplier")
    if kind is ContractKindCode.INVERSE and size is not None and size < 0:
        return -size
    return positive(record.multiplier, "multiplier")


def _end(record: KucoinContract, type_: SymbolTypeCode, status: MarketStatusCode) -> dict[str, Any]:
    """A future expires; a perpetual that states a date ends then, or has ended."""
    if type_ is SymbolTypeCode.FUTURE:
        stated = milliseconds(record.expire_date, "expireDate")
        return {"expiry": required_instant(stated, "expireDate")}
    end = _instant(record.expire_date, "expireDate")
    return {"delisted_at": end} if status is _S.DELISTED else {"ends_at": end}


def _funding_interval(record: KucoinContract) -> int | None:
    """The interval of now; the other one may be of the next cycle on. In milliseconds."""
    stated = record.current_funding_rate_granularity or record.funding_rate_granularity
    milliseconds_ = integer(stated, "fundingRateGranularity")
    if not milliseconds_:
        return None
    if milliseconds_ < 0 or milliseconds_ % _MS_PER_S:
        raise UnreadableRecord(f"fundingRateGranularity is {stated}: no whole number of seconds")
    return milliseconds_ // _MS_PER_S


def _instant(value: str | None, field: str) -> dt.datetime | None:
    return unless_placeholder(milliseconds(value, field))


_ACTIVE: Final = Request("api-futures.kucoin.com/api/v1/contracts/active")

LINE: Final = ProductLine(
    venue_id="kucoin-futures",
    name="KuCoin Futures",
    operator="kucoin",
    forms=(
        Form(
            lists=(_ACTIVE,),
            record=KucoinContract,
            rows=each_object("data"),
            read=read_contract,
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE}),
    prices=(
        tickers(
            _ACTIVE, fields=TickerFields(("data",), last="lastTradePrice", traded="volumeOf24h")
        ),
    ),
    ccxt_id="kucoinfutures",
    documentation=(
        "https://www.kucoin.com/docs-new/rest/futures-trading/market-data/get-all-symbols",
        "https://www.kucoin.com/docs-new/rest/futures-trading/orders/add-order",
    ),
)
