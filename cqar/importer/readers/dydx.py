"""dYdX: perpetuals of the chain (v4), and of the exchange that ended in 2024 (v3).

Sizes of orders are in the base asset. What markets call USD is USDC: quote quantums of the chain
are USDC, and all positions are settled in it. A market of a coin that is traded on Solana only has
the coin's mint in its name, in capitals: base58 tells capitals apart, so it is no address any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Code, Market, UnreadableRecord
from cqar.importer.readers.fields import limit, positive, rate, stated_word, text, word
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    entries_at,
)
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

_S = MarketStatusCode
_QUOTES: Final = {"USD": Code("USD", "USDC")}
#: protocol, ClobPair.Status: while it initializes it takes orders for a block, not the usual ones;
#: in its final settlement it takes none and the protocol closes all positions.
_STATUS: Final = {
    "ACTIVE": _S.ONLINE,
    "PAUSED": _S.HALTED,
    "CANCEL_ONLY": _S.CANCEL_ONLY,
    "POST_ONLY": _S.POST_ONLY,
    "INITIALIZING": _S.PREOPEN,
    "FINAL_SETTLEMENT": _S.SETTLING,
}
_FORMER_STATUS: Final = {
    "ONLINE": _S.ONLINE,
    "OFFLINE": _S.HALTED,
    "POST_ONLY": _S.POST_ONLY,
    "CANCEL_ONLY": _S.CANCEL_ONLY,
}
_TYPES: Final = {"PERPETUAL": SymbolTypeCode.PERPETUAL}


class DydxTerms(RawRecord, frozen=True, rename="camel"):
    """What both versions have."""

    status: str | msgspec.UnsetType | None = msgspec.UNSET
    tick_size: str | None = None
    step_size: str | None = None
    initial_margin_fraction: str | None = None
    maintenance_margin_fraction: str | None = None


class DydxPerpetual(DydxTerms, frozen=True, kw_only=True, rename="camel"):
    """A perpetual of the chain."""

    ticker: str
    clob_pair_id: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("oraclePrice", "priceChange24H", "volume24H", "trades24H", "nextFundingRate"),
            *("openInterest", "atomicResolution", "quantumConversionExponent", "marketType"),
            *("stepBaseQuantums", "subticksPerTick", "openInterestLowerCap", "baseOpenInterest"),
            *("openInterestUpperCap", "defaultFundingRate1H"),
        }
    )


class DydxFormerMarket(DydxTerms, frozen=True, kw_only=True, rename="camel"):
    """A market of v3."""

    market: str
    type: str
    base_asset: str
    quote_asset: str
    min_order_size: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("indexPrice", "oraclePrice", "priceChange24H", "nextFundingRate", "nextFundingAt"),
            *("volume24H", "trades24H", "openInterest", "incrementalInitialMarginFraction"),
            *("incrementalPositionSize", "maxPositionSize", "baselinePositionSize"),
            *("assetResolution", "syntheticAssetId", "transferMarginFraction"),
        }
    )


def read_perpetual(record: DydxPerpetual) -> Market:
    """A perpetual; its record has no base of its own, only `BASE-USD`."""
    ticker = text(record.ticker, "ticker")
    base, _, quote = ticker.rpartition("-")
    if not base.partition(",")[0]:
        raise UnreadableRecord(f"the ticker {ticker[:80]!r} has no base")
    number = record.clob_pair_id
    return Market(
        spelling=ticker,
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code(base, base.partition(",")[0]),
        status=stated_word(record.status, "status", _STATUS),
        aliases=(Alias(number, SpellingChannelCode.ID),) if number else (),
        **_terms(record, quote),
    )


def read_former(record: DydxFormerMarket) -> Market:
    """A market of v3."""
    return Market(
        spelling=text(record.market, "market"),
        symbol_type=word(record.type, "type", _TYPES),
        base=Code(text(record.base_asset, "baseAsset")),
        status=stated_word(record.status, "status", _FORMER_STATUS),
        min_order_size=limit(record.min_order_size, "minOrderSize"),
        **_terms(record, record.quote_asset),
    )


def _terms(record: DydxTerms, quote: str) -> dict[str, Any]:
    code = word(quote, "the quote", _QUOTES)
    return {
        "quote": code,
        "settlement": code,
        "contract_kind": ContractKindCode.LINEAR,
        "order_unit": OrderUnitCode.BASE,
        "tick_size": positive(record.tick_size, "tickSize"),
        "lot_size": positive(record.step_size, "stepSize"),
        "initial_margin_rate": rate(record.initial_margin_fraction, "initialMarginFraction"),
        "maintenance_margin_rate": rate(
            record.maintenance_margin_fraction, "maintenanceMarginFraction"
        ),
    }


def _markets(answers: Answers) -> Iterable[Row]:
    """Of an answer, or of the first message of the channel `v4_markets`; some tools wrap them."""
    for answer in answers_to(answers, *answers):
        value = answer.value
        for envelope in ("result", "contents"):
            inner = value.get(envelope) if isinstance(value, dict) else None
            value = inner if isinstance(inner, dict) and "markets" in inner else value
        yield from entries_at(value, "markets")


def _covers(query: Mapping[str, str], spelling: str, _type: SymbolTypeCode) -> bool:
    return spelling in (query.get("ticker"), query.get("market"))


def _today(host: str) -> Form[DydxPerpetual]:
    request = Request(f"{host}/v4/perpetualMarkets", narrows=("ticker", "market", "limit"))
    return Form(
        lists=(request,),
        record=DydxPerpetual,
        rows=_markets,
        read=read_perpetual,
        covers=_covers,
    )


_FORMER: Final = Form(
    lists=(Request("api.dydx.exchange/v3/markets", narrows=("market",), is_former=True),),
    record=DydxFormerMarket,
    rows=_markets,
    read=read_former,
    covers=_covers,
)
_PRODUCTION: Final = ProductLine(
    venue_id="dydx",
    name="dYdX",
    operator="dydx",
    forms=(_today("indexer.dydx.trade"), _FORMER),
    symbol_types=frozenset({SymbolTypeCode.PERPETUAL}),
    ccxt_id="dydx",
    documentation=(
        "https://docs.dydx.xyz/indexer-client/http",
        "https://docs.dydx.xyz/types/clob_pair_status",
        "https://docs.dydx.xyz/concepts/trading/quantums",
    ),
    website="https://dydx.trade",
)
PRODUCT_LINES: Final = (
    _PRODUCTION,
    replace(
        _PRODUCTION,
        venue_id="dydx-testnet",
        name="dYdX Testnet",
        operator="dydx-testnet",
        forms=(_today("indexer.v4testnet.dydx.exchange"),),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
