"""BitMEX's words: types of instruments (ISO 10962 codes), states, units, fields of no use here."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from cqar.importer.readers.fields import word
from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode

_S = MarketStatusCode
_T = SymbolTypeCode

#: support.bitmex.com, "What are the typ values for the /instrument endpoint".
TYPES: Final = {
    "FFWCSX": _T.PERPETUAL,
    "FFWCSF": _T.PERPETUAL,
    "FFSCSX": _T.PERPETUAL,
    "FFCCSX": _T.FUTURE,
    "FXXXS": _T.FUTURE,
    "FXXXN": _T.FUTURE,
    "OCECCS": _T.OPTION,
    "OPECCS": _T.OPTION,
    "FFMCSX": _T.COMBO,
    "FMXXS": _T.COMBO,
    "IFXXXP": _T.SPOT,
}
#: Types that are understood and no market: kind and reason.
NO_MARKETS: Final = {
    "MRBXXX": ("INDEX", "a basket's index"),
    "MRCXXX": ("INDEX", "a coin's index"),
    "MRFXXX": ("INDEX", "a currency pair's index"),
    "MRRXXX": ("INDEX", "an index of lending rates or of premium"),
    "MRIXXX": ("INDEX", "an index of volatility"),
    "MRSXXX": ("INDEX", "a stock's index"),
    "MRVDXX": ("INDEX", "an index of yield"),
    "RCSXXX": ("BASKET", "a reference basket"),
    "SRMCSX": ("YIELD", "a swap of a rate"),
    "FFICSX": ("EVENT", "a market of predictions: it has no quote asset"),
}
OPTION_TYPES: Final = {"OCECCS": OptionTypeCode.CALL, "OPECCS": OptionTypeCode.PUT}

_STATES: Final = {
    "Open": _S.ONLINE,
    "Closed": _S.HALTED,
    "Unlisted": _S.PREOPEN,
    "Expired": _S.DELISTED,
    "Settled": _S.DELISTED,
    "Cleared": _S.DELISTED,
    "Delisted": _S.DELISTED,
}

#: BitMEX's baskets: ALTMEX, DEFIMEX, METAMEXT, MEMEMEXT. BMEX is its coin.
_BASKET: Final = re.compile(r"[A-Z]{3,}MEXT?", re.ASCII)

#: Small units by wallet/assets: the currency, and how many decimals of it the unit is. All other
#: units are the currency with its last letter small; their scales are only in wallet/assets.
UNITS: Final = {"XBt": ("XBT", 8), "USDt": ("USDT", 6), "Gwei": ("ETH", 9), "LAMp": ("SOL", 9)}

UNUSED: Final = frozenset(
    {
        *("rootSymbol", "instrumentID", "front", "settle", "listedSettle", "relistInterval"),
        *("inverseLeg", "optionStrikePcnt", "optionStrikeRound", "optionMultiplier"),
        *("positionCurrency", "underlyingSymbol", "reference", "calcInterval", "publishInterval"),
        *("publishTime", "quoteToSettleMultiplier", "riskLimit", "riskStep", "limit", "capped"),
        *("taxed", "deleverage", "settlementFee", "insuranceFee", "fundingBaseSymbol"),
        *("fundingQuoteSymbol", "fundingPremiumSymbol", "fundingTimestamp", "fundingRate"),
        *("fundingBaseRate", "fundingQuoteRate", "indicativeFundingRate", "rebalanceTimestamp"),
        *("rebalanceInterval", "openingTimestamp", "closingTimestamp", "sessionInterval"),
        *("prevClosePrice", "limitDownPrice", "limitUpPrice", "bankruptLimitDownPrice"),
        *("bankruptLimitUpPrice", "prevTotalVolume", "totalVolume", "volume", "volume24h"),
        *("prevTotalTurnover", "totalTurnover", "turnover", "turnover24h", "homeNotional24h"),
        *("foreignNotional24h", "prevPrice24h", "vwap", "highPrice", "lowPrice", "lastPrice"),
        *("lastPriceProtected", "lastTickDirection", "lastChangePcnt", "bidPrice", "midPrice"),
        *("askPrice", "impactBidPrice", "impactMidPrice", "impactAskPrice", "hasLiquidity"),
        *("openInterest", "openValue", "fairMethod", "fairBasisRate", "fairBasis", "fairPrice"),
        *("markMethod", "markPrice", "indicativeTaxRate", "indicativeSettlePrice"),
        *("optionUnderlyingPrice", "settledPriceAdjustmentRate", "settledPrice", "instantPnl"),
        *("minTick", "pool", "referencePrice"),
    }
)


def status_of(
    state: str, listed_at: dt.datetime | None, read_at: dt.datetime | None
) -> MarketStatusCode:
    """A state's status. Unlisted before the listing is not open yet; after it, closed again."""
    status = word(state, "state", _STATES)
    if status is _S.PREOPEN and listed_at and read_at and listed_at <= read_at:
        return _S.HALTED
    return status


def class_of(typ: str, base: str) -> UnderlyingClassCode | None:
    """What a contract's price is of: FFWCSF is the type of perpetuals on currencies.

    No other type tells. FFWCSX is that of most coins and of baskets; FFSCSX that of shares and of
    commodities. Baskets are told by their names.
    """
    if typ == "FFWCSF":
        return UnderlyingClassCode.FX
    return UnderlyingClassCode.INDEX if _BASKET.fullmatch(base) else None


def currency_of(unit: str) -> str:
    """The currency of a small unit; a currency's own code stays as it is."""
    if unit in UNITS:
        return UNITS[unit][0]
    is_unit = len(unit) > 1 and unit[-1].islower() and unit[:-1].isupper()
    return unit.upper() if is_unit or unit == "s" else unit
