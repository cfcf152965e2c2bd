"""MEXC: contracts.

An order's `vol` counts contracts. `contractSize` is in the base coin of contracts that are settled
in their quote, and in the quote of those that are settled in their base: BTC_USD is 100 USD.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.fields import (
    kind_by_settlement,
    limit,
    milliseconds,
    positive,
    rate,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode

#: "0 enabled, 1 delivery, 2 delivered, 3 offline, 4 paused".
_STATE: Final = {
    "0": _S.ONLINE,
    "1": _S.SETTLING,
    "2": _S.DELISTED,
    "3": _S.DELISTED,
    "4": _S.HALTED,
}
#: "1 perpetual, 2 delivery".
_TYPES: Final = {"1": SymbolTypeCode.PERPETUAL, "2": SymbolTypeCode.FUTURE}
#: "0 none, 1 TradFi, 2 stock".
_CLASS: Final[dict[str, UnderlyingClassCode | None]] = {
    "0": None,
    "1": None,
    "2": UnderlyingClassCode.EQUITY,
}


class MexcContract(RawRecord, frozen=True, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    settle_coin: str
    state: str
    future_type: str | UnsetType = UNSET
    type_label: str | None = None
    pre_market: bool | None = None
    contract_size: str | None = None
    price_unit: str | None = None
    vol_unit: str | None = None
    min_vol: str | None = None
    max_vol: str | None = None
    limit_max_vol: str | None = None
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    max_leverage: str | None = None
    initial_margin_rate: str | None = None
    maintenance_margin_rate: str | None = None
    create_time: str | None = None
    opening_time: str | None = None

    # What the limit price rates are relative to is not documented. apiAllowed says who may trade
    # by the API, not what the contract's state is.
    UNUSED: ClassVar = frozenset(
        {
            *("displayName", "displayNameEn", "positionOpenType", "baseCoinName", "fn", "type"),
            *("quoteCoinName", "minLeverage", "countryConfigContractMaxLeverage", "priceScale"),
            *("volScale", "amountScale", "bidLimitPriceRate", "askLimitPriceRate", "riskBaseVol"),
            *("riskIncrVol", "riskLongShortSwitch", "riskBaseVolLong", "riskBaseVolShort"),
            *("riskIncrVolLong", "riskIncrVolShort", "riskIncrMmr", "riskIncrImr"),
            *("riskLevelLimit", "riskLimitType", "riskLimitMode", "riskLimitCustom", "isPromoted"),
            *("priceCoefficientVariation", "indexOrigin", "isNew", "isHot", "isHidden"),
            *("conceptPlate", "conceptPlateId", "maxNumOrders", "marketOrderMaxLevel", "vid", "id"),
            *("marketOrderPriceLimitRate1", "marketOrderPriceLimitRate2", "triggerProtect"),
            *("appraisal", "showAppraisalCountdown", "automaticDelivery", "apiAllowed"),
            *("depthStepList", "threshold", "baseCoinIconUrl", "baseCoinId", "isMaxLeverage"),
            *("openingCountdownOption", "showBeforeOpen", "isZeroFeeRate", "isZeroFeeSymbol"),
            *("leverageTags", "maxLeverageTip", "liquidationFeeRate", "feeRateMode", "tagIdList"),
            *("leverageFeeRates", "tieredFeeRates", "stopOnlyFair", "feeRateType"),
            *("tieredDealAmount", "tieredAppointContract", "tieredEffectiveDay"),
            *("tieredExcludeContractId", "tieredExcludeZeroFee"),
        }
    )


def read_contract(record: MexcContract) -> Market:
    """A contract. Where `limitMaxVol` is stated, `maxVol` is of market orders."""
    base = text(record.base_coin, "baseCoin")
    quote = text(record.quote_coin, "quoteCoin")
    settlement = text(record.settle_coin, "settleCoin")
    if word(record.future_type or "1", "futureType", _TYPES) is SymbolTypeCode.FUTURE:
        raise UnreadableRecord("futureType is 2: a future, and no field states its expiry")
    status = word(record.state, "state", _STATE)
    created = unless_placeholder(milliseconds(record.create_time, "createTime"))
    opening = unless_placeholder(milliseconds(record.opening_time, "openingTime"))
    most = limit(record.max_vol, "maxVol")
    limit_most = limit(record.limit_max_vol, "limitMaxVol")
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        underlying_class=word(record.type_label or "0", "typeLabel", _CLASS),
        contract_kind=kind_by_settlement(base, quote, settlement),
        status=_S.PRE_MARKET if status is _S.ONLINE and record.pre_market else status,
        listed_at=created or opening,
        trading_starts_at=opening if created else None,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=positive(record.contract_size, "contractSize"),
        tick_size=positive(record.price_unit, "priceUnit"),
        lot_size=positive(record.vol_unit, "volUnit"),
        min_order_size=limit(record.min_vol, "minVol"),
        max_order_size=limit_most or most,
        market_max_size=most if limit_most else None,
        maker_fee=rate(record.maker_fee_rate, "makerFeeRate"),
        taker_fee=rate(record.taker_fee_rate, "takerFeeRate"),
        max_leverage=limit(record.max_leverage, "maxLeverage"),
        initial_margin_rate=rate(record.initial_margin_rate, "initialMarginRate"),
        maintenance_margin_rate=rate(record.maintenance_margin_rate, "maintenanceMarginRate"),
    )


def _rows(answers: Answers) -> Iterable[Row]:
    """The contracts; the answer about one symbol has an object where others have a list."""
    for answer in answers_to(answers, *answers):
        value = answer.value
        if not isinstance(value, dict) or value.get("success") is not True:
            raise NotTheAnswer("it does not say success")
        data = value.get("data")
        one = {"data": [data]} if isinstance(data, dict) else value
        yield from objects_at(one, "data")


LINE: Final = ProductLine(
    venue_id="mexc-contract",
    name="MEXC Contracts",
    operator="mexc",
    forms=(
        Form(
            lists=(
                Request("contract.mexc.com/api/v1/contract/detail", narrows=("symbol",)),
                Request("api.mexc.com/api/v1/contract/detail/country", narrows=("symbol",)),
            ),
            record=MexcContract,
            rows=_rows,
            read=read_contract,
            covers=lambda query, spelling, _: query["symbol"] == spelling,
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.PERPETUAL}),
    prices=(
        tickers(
            "contract.mexc.com/api/v1/contract/ticker",
            fields=TickerFields(("data",), last="lastPrice", at="timestamp", traded="volume24"),
        ),
    ),
    ccxt_id="mexc",
    documentation=(
        "https://www.mexc.com/api-docs/futures/market-endpoints/get-contract-info",
        "https://www.mexc.com/api-docs/futures/account-and-trading-endpoints",
    ),
)
