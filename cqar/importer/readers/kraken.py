"""Kraken: spot markets, with dark pools and tokenised shares.

Quantities of orders are in the base asset ("volume: order quantity in terms of the base asset").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Code, Market, UnreadableRecord
from cqar.importer.readers.fields import limit, percent, places, positive, stated_word, text, word
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    entries_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

PAIRS: Final = Request(
    "api.kraken.com/0/public/AssetPairs",
    narrows=("pair", "aclass_base", "country_code", "execution_venue"),
)
ASSETS: Final = Request("api.kraken.com/0/public/Assets")

#: Kraken's oldest assets have four letters, the first of which is X for coins and Z for money.
#: The endpoint Assets states the rest as their `altname`. Newer codes are never shortened: ZETA.
_OLD_CODES: Final = {
    **{f"X{c}": c for c in ("ETC", "ETH", "ICN", "LTC", "MLN", "NMC", "REP", "XLM", "XMR", "XRP")},
    **{f"X{c}": c for c in ("XBT", "XDG", "XVN", "ZEC", "DAO")},
    **{f"Z{c}": c for c in ("AUD", "CAD", "EUR", "GBP", "JPY", "KRW", "USD")},
}
#: docs.kraken.com, WebSocket v2: "the symbols are BTC and DOGE, not XBT and XDG".
_DISPLAY: Final = {"XBT": "BTC", "XDG": "DOGE"}

#: Of a spot market an order reduces if it sells.
_STATUS: Final = {
    "online": MarketStatusCode.ONLINE,
    "limit_only": MarketStatusCode.ONLINE,
    "post_only": MarketStatusCode.POST_ONLY,
    "cancel_only": MarketStatusCode.CANCEL_ONLY,
    "reduce_only": MarketStatusCode.SELL_ONLY,
}
_CLASSES: Final[Mapping[str, UnderlyingClassCode | None]] = {
    "currency": None,
    "tokenized_asset": UnderlyingClassCode.EQUITY,
}
_Tiers = tuple[tuple[str, str], ...]


class KrakenPair(
    RawRecord,
    frozen=True,
    rename={"key": "@key", "base_altname": "@base_altname", "quote_altname": "@quote_altname"},
):
    """A pair. `key` is its key in the answer; the altnames of its assets are from `Assets`."""

    key: str
    altname: str
    base: str
    quote: str
    wsname: str | None = None
    aclass_base: str | None = None
    pair_decimals: str | None = None
    lot_decimals: str | None = None
    lot_multiplier: str | None = None
    tick_size: str | msgspec.UnsetType | None = msgspec.UNSET
    ordermin: str | None = None
    costmin: str | None = None
    status: str | msgspec.UnsetType | None = msgspec.UNSET
    leverage_buy: tuple[str, ...] | None = None
    leverage_sell: tuple[str, ...] | None = None
    fees: _Tiers | None = None
    fees_maker: _Tiers | msgspec.UnsetType | None = msgspec.UNSET
    base_altname: str | None = None
    quote_altname: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("aclass_quote", "lot", "cost_decimals", "fee_volume_currency", "margin_call"),
            *("margin_stop", "long_position_limit", "short_position_limit", "execution_venue"),
        }
    )


def read_pair(record: KrakenPair) -> Market:
    """A pair.

    Of 2021 it has no `tick_size`: the decimals of its price were the tick then. `costmin` is the
    minimum "for new orders" of any kind. There is `fees_maker` only "if on maker/taker": of other
    pairs, such as dark pools, both sides pay `fees`.
    """
    if record.tick_size is msgspec.UNSET:
        tick = places(record.pair_decimals, "pair_decimals")
    else:
        tick = positive(record.tick_size, "tick_size")
    if record.lot_multiplier not in (None, "1"):
        raise UnreadableRecord(f"lot_multiplier is {record.lot_multiplier}: only 1 is known")
    spelling = text(record.key, "the pair's key")
    least = limit(record.costmin, "costmin")
    makers = record.fees if record.fees_maker is msgspec.UNSET else record.fees_maker
    return Market(
        spelling=spelling,
        symbol_type=SymbolTypeCode.SPOT,
        base=_code(text(record.base, "base"), record.base_altname),
        quote=_code(text(record.quote, "quote"), record.quote_altname),
        underlying_class=_class(record.aclass_base),
        status=stated_word(record.status, "status", _STATUS),
        order_types=("LIMIT",) if record.status == "limit_only" else None,
        aliases=_aliases(spelling, text(record.altname, "altname"), record.wsname),
        is_secondary=record.altname.endswith(".d"),
        order_unit=OrderUnitCode.BASE,
        tick_size=tick,
        lot_size=places(record.lot_decimals, "lot_decimals"),
        min_order_size=limit(record.ordermin, "ordermin"),
        min_notional=least,
        market_min_notional=least,
        max_leverage=_max_leverage(record),
        taker_fee=_first_tier(record.fees, "fees"),
        maker_fee=_first_tier(makers, "fees_maker"),
    )


def _code(code: str, altname: str | None) -> Code:
    name = altname or _OLD_CODES.get(code, code)
    return Code(code, _DISPLAY.get(name, name))


def _class(name: str | None) -> UnderlyingClassCode | None:
    return word(name, "aclass_base", _CLASSES) if name is not None else None


def _aliases(spelling: str, altname: str, wsname: str | None) -> tuple[Alias, ...]:
    """Its other spellings. WebSocket v2 has the first one's, with BTC and DOGE."""
    found = [Alias(altname, SpellingChannelCode.REST)] if altname != spelling else []
    if wsname:
        second = "/".join(_DISPLAY.get(part, part) for part in wsname.split("/"))
        found.append(Alias(wsname, SpellingChannelCode.WS))
        found.append(Alias(second, SpellingChannelCode.WS_V2))
    return tuple(found)


def _max_leverage(record: KrakenPair) -> Decimal | None:
    """The largest on either side; without margin trading the lists are empty."""
    offered = (*(record.leverage_buy or ()), *(record.leverage_sell or ()))
    found = [positive(value, "leverage") for value in offered]
    return max((value for value in found if value is not None), default=None)


def _first_tier(tiers: _Tiers | None, field: str) -> Decimal | None:
    return percent(tiers[0][1], field) if tiers else None


def _pairs(answers: Answers) -> Iterable[Row]:
    altnames = dict(_altnames(answers))
    for answer in answers_to(answers, PAIRS):
        for row in entries_at(answer.value, "result"):
            if not isinstance(row.record, dict):
                yield row
                continue
            if "aclass" in row.record and "base" not in row.record:
                raise NotTheAnswer("it lists assets, no pairs: name it Assets")
            yield Row(row.name, _with_altnames(row.record, altnames))


def _altnames(answers: Answers) -> Iterable[tuple[str, Any]]:
    for answer in answers_to(answers, ASSETS):
        for row in entries_at(answer.value, "result"):
            if not isinstance(row.record, dict) or "aclass" not in row.record:
                raise NotTheAnswer("its records are no assets")
            yield row.name, row.record.get("altname")


def _with_altnames(record: dict[str, Any], altnames: Mapping[str, Any]) -> dict[str, Any]:
    if not altnames:
        return record
    found = {f"@{side}_altname": altnames.get(str(record.get(side))) for side in ("base", "quote")}
    return {**record, **found}


def _covers(query: Mapping[str, str], spelling: str, _type: SymbolTypeCode) -> bool:
    """Only a list of pairs says which spellings it would hold."""
    return set(query) == {"pair"} and spelling in query["pair"].split(",")


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="kraken",
        name="Kraken",
        operator="kraken",
        forms=(
            Form(
                lists=(PAIRS,),
                also=(ASSETS,),
                record=KrakenPair,
                rows=_pairs,
                read=read_pair,
                covers=_covers,
            ),
        ),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        prices=(
            # `t` counts trades: today's, and those of the last 24 hours.
            tickers(
                "api.kraken.com/0/public/Ticker",
                fields=TickerFields(("result",), is_keyed=True, last="c.0", traded="t.1"),
            ),
        ),
        ccxt_id="kraken",
        documentation=(
            "https://docs.kraken.com/api-reference/market-data/get-tradable-asset-pairs",
            "https://docs.kraken.com/api-reference/trading/add-order",
            "https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/instrument",
        ),
        website="https://www.kraken.com",
    ),
)
