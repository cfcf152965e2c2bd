"""Hyperliquid: perpetuals of the first exchange and of every builder's, and spot pairs.

Sizes of orders are in the base, in steps of `szDecimals` decimals. A price has at most 5
significant digits and at most 6 - szDecimals decimals (8 - szDecimals for spot): this is the
documentation of the whole venue ("Tick and lot size"), not the record. So is that the first
exchange is margined in USDC, where its answer does not name a collateral. Perpetuals are linear in
their collateral. A record of a coin that trades says nothing
about its status: only `isDelisted` is stated.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Code, Market, UnreadableRecord
from cqar.importer.readers import hyperliquid_currencies
from cqar.importer.readers.fields import integer, places, positive, text
from cqar.importer.readers.hyperliquid_answers import HyperliquidAnswers, spot_meta, states
from cqar.importer.readers.product_line import Form, ProductLine, RawRecord
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

_SIGNIFICANT_DIGITS: Final = 5
_PERPETUAL_DECIMALS: Final = 6
_SPOT_DECIMALS: Final = 8
#: Of a builder's exchange: `hyperliquid-km`, `hyperliquid-km-testnet`.
_VENUE_ID: Final = re.compile(r"(?a)hyperliquid-([a-z0-9]{1,16})(-testnet)?")
_HOST: Final = "api.hyperliquid.xyz"
_TESTNET_HOST: Final = "api.hyperliquid-testnet.xyz"


class HyperliquidToken(RawRecord, frozen=True, rename="camel"):
    """A spot token. Anybody can make one of any name: only canonical names are the venue's own."""

    name: str
    sz_decimals: str | None = None
    token_id: str | None = None
    is_canonical: bool | None = None
    full_name: str | None = None

    UNUSED: ClassVar = frozenset({"index", "weiDecimals", "evmContract", "deployerTradingFeeShare"})

    @property
    def code(self) -> Code:
        """A name that is not canonical is `NAME:tokenId`, as transfers of tokens have it."""
        name = text(self.name, "tokens.name")
        code = name if self.is_canonical or not self.token_id else f"{name}:{self.token_id}"
        return Code(code, name, self.full_name or None)


class HyperliquidCoin(
    RawRecord,
    frozen=True,
    rename={
        "sz_decimals": "szDecimals",
        "max_leverage": "maxLeverage",
        "is_delisted": "isDelisted",
        "settlement": "@settlement",
        "id": "@id",
    },
):
    """A perpetual."""

    name: str
    sz_decimals: str
    max_leverage: str | None = None
    is_delisted: bool | None = None
    settlement: HyperliquidToken | None = None
    id: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("marginTableId", "onlyIsolated", "marginMode", "growthMode"),
            *("lastGrowthModeChangeTime", "collateralToken"),
        }
    )


class HyperliquidPair(
    RawRecord, frozen=True, rename={"base": "@base", "quote": "@quote", "id": "@id"}
):
    """A spot pair: `@188`, or `PURR/USDC`."""

    name: str
    base: HyperliquidToken | None = None
    quote: HyperliquidToken | None = None
    id: str | None = None

    UNUSED: ClassVar = frozenset({"tokens", "index", "isCanonical"})


def read_coin(record: HyperliquidCoin) -> Market:
    """A perpetual. Its multiples, such as kPEPE, are not stated to be any."""
    name = text(record.name, "name")
    if record.settlement is None:
        raise UnreadableRecord("the collateral token is not among the tokens of spotMeta")
    settlement = record.settlement.code
    return Market(
        spelling=name,
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code(name, name.rpartition(":")[2]),
        quote=settlement,
        settlement=settlement,
        contract_kind=ContractKindCode.LINEAR,
        status=_status(record.is_delisted),
        max_leverage=positive(record.max_leverage, "maxLeverage"),
        **_steps(record.sz_decimals, _PERPETUAL_DECIMALS),
        **_id(record.id),
    )


def read_pair(record: HyperliquidPair) -> Market:
    """A spot pair; steps are of its base token."""
    if record.base is None or record.quote is None:
        raise UnreadableRecord("its tokens are not among the tokens of spotMeta")
    return Market(
        spelling=text(record.name, "name"),
        symbol_type=SymbolTypeCode.SPOT,
        base=record.base.code,
        quote=record.quote.code,
        **_steps(record.base.sz_decimals, _SPOT_DECIMALS),
        **_id(record.id),
    )


def _status(is_delisted: bool | None) -> MarketStatusCode | None:
    if is_delisted is None:
        return None
    return MarketStatusCode.DELISTED if is_delisted else MarketStatusCode.ONLINE


def _steps(sz_decimals: str | None, price_decimals: int) -> dict[str, Any]:
    """Lot and tick. A whole price is always allowed, so the tick is 1 at most."""
    decimals = integer(sz_decimals, "szDecimals")
    if decimals is None:
        raise UnreadableRecord("szDecimals is not stated")
    return {
        "order_unit": OrderUnitCode.BASE,
        "lot_size": places(sz_decimals, "szDecimals"),
        "tick_size": places(str(max(price_decimals - decimals, 0)), "szDecimals"),
        "price_significant_digits": _SIGNIFICANT_DIGITS,
    }


def _id(name: str | None) -> dict[str, Any]:
    """The integer that orders name it by."""
    return {"aliases": (Alias(name, SpellingChannelCode.ID),) if name else ()}


def _perpetuals(answered: HyperliquidAnswers) -> Form[HyperliquidCoin]:
    lists = (answered.meta, answered.meta_and_contexts, answered.all_metas)
    return Form(
        lists=lists,
        also=(answered.spot, answered.spot_and_contexts, answered.dexs),
        record=HyperliquidCoin,
        rows=answered.perpetuals,
        read=read_coin,
        types=dict.fromkeys(lists, frozenset({SymbolTypeCode.PERPETUAL})),
    )


def _spot(answered: HyperliquidAnswers) -> Form[HyperliquidPair]:
    lists = (answered.spot, answered.spot_and_contexts)
    return Form(
        lists=lists,
        record=HyperliquidPair,
        rows=answered.pairs,
        read=read_pair,
        types=dict.fromkeys(lists, frozenset({SymbolTypeCode.SPOT})),
    )


def _token_code(record: Any) -> Code:
    return msgspec.convert(record, HyperliquidToken).code


def _line(venue_id: str, name: str, *, dex: str = "", is_testnet: bool = False) -> ProductLine:
    answered = HyperliquidAnswers(_TESTNET_HOST if is_testnet else _HOST, dex)
    perpetuals = _perpetuals(answered)
    operator = "hyperliquid-testnet" if is_testnet else "hyperliquid"
    types = frozenset({SymbolTypeCode.PERPETUAL})
    return ProductLine(
        venue_id=venue_id,
        name=name,
        operator=operator,
        forms=(perpetuals,) if dex else (perpetuals, _spot(answered)),
        symbol_types=types if dex else types | {SymbolTypeCode.SPOT},
        currencies=hyperliquid_currencies.currency_forms(
            operator, (answered.spot, answered.spot_and_contexts), spot_meta, _token_code
        ),
        prices=(
            # A state has a mark price and no last one; they differ by less than prices of venues.
            tickers(
                *(answered.meta_and_contexts, answered.spot_and_contexts),
                fields=TickerFields(spelling="name", last="markPx", traded="dayNtlVlm"),
                rows_of=states,
            ),
        ),
        environment=EnvironmentCode.TESTNET if is_testnet else EnvironmentCode.PRODUCTION,
        ccxt_id="" if dex or is_testnet else "hyperliquid",
        documentation=(
            "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/tick-and-lot-size",
            "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/asset-ids",
            "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals",
            "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/spot",
        ),
        website="https://hyperliquid.xyz",
    )


PRODUCT_LINES: Final = (
    _line("hyperliquid", "Hyperliquid"),
    _line("hyperliquid-testnet", "Hyperliquid Testnet", is_testnet=True),
)


@lru_cache(1_024)
def product_line_of(venue_id: str) -> ProductLine | None:
    """The product line of a builder's exchange, of which there may be any."""
    match = _VENUE_ID.fullmatch(venue_id)
    if match is None or match[1] == "testnet":
        return None
    dex, is_testnet = match[1], bool(match[2])
    name = f"Hyperliquid {dex}" + (" Testnet" if is_testnet else "")
    return _line(venue_id, name, dex=dex, is_testnet=is_testnet)
