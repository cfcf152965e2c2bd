"""What our ccxt bridge says of a venue's file, and what ccxt itself reads in it: a second opinion.

Each difference is named here, with who is right. Where ccxt fills in a default of its own, we say
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import ccxt
import pytest

from cqar.importer.answer_reader import read_answers
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import SavedResponse, decode_file
from cqar.integrations.ccxt import ccxt_market
from tests.readers.listing_files import VENUES
from tests.support.market_resolutions import resolutions_of

#: Of each end of a file.
MARKETS_MAX: Final = 40

#: ccxt's exchanges have schedules of fees of their own, which no record states.
_OWN_FEES: Final = {
    "maker": "ccxt's own schedule of fees",
    "taker": "ccxt's own schedule of fees",
}
_LEAST_LEVERAGE: Final = {"limits.leverage.min": "ccxt's own 1"}


class Opinion(NamedTuple):
    """A file, how ccxt reads it, and the fields in which it differs, each with why."""

    venue_id: str
    file: str
    request: str
    parse: Callable[[Any], Iterable[dict[str, Any]]]
    differing: dict[str, str]


def _binance(answer: Any) -> list[dict[str, Any]]:
    exchange = ccxt.binance()
    exchange.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    return [exchange.parse_market(record) for record in answer["symbols"]]


def _okx(answer: Any) -> list[dict[str, Any]]:
    exchange = ccxt.okx()
    return [exchange.parse_market(record) for record in answer["data"]]


def _gate(answer: Any) -> list[dict[str, Any]]:
    exchange = ccxt.gate()
    return [exchange.parse_contract_market(record, "usdt") for record in answer]


_OKX: Final = {
    **_OWN_FEES,
    **_LEAST_LEVERAGE,
    "limits.market.max": "ours: maxMktSz, which ccxt does not read",
}
OPINIONS: Final = (
    Opinion(
        *("binance", "binance/spot_exchangeInfo_2025-08-07_25symbols.json"),
        *("api/v3/exchangeInfo", _binance),
        {
            **_OWN_FEES,
            "limits.market.min": "a minQty of zero says that there is none",
            "base": "ccxt has a table of codes: YOYO is YOYOW there",
            "symbol": "likewise",
        },
    ),
    Opinion(
        *("binance-usdm", "binance/usdm_exchangeInfo_2025-08-07_25symbols.json"),
        *("fapi/v1/exchangeInfo", _binance, _OWN_FEES),
    ),
    Opinion(
        *("okx", "okx/instruments_SWAP_2022-05-13.json"),
        *("api/v5/public/instruments?instType=SWAP", _okx, _OKX),
    ),
    Opinion(
        *("okx", "okx/instruments_OPTION_BTC-USD_2022-05-13.json"),
        *("api/v5/public/instruments?instType=OPTION", _okx),
        {
            **_OKX,
            "contractSize": "ours: a contract is ctVal times ctMult, 0.1 BTC; ccxt reads ctVal",
            "limits.leverage.max": "an option's `lever` is empty: ccxt's own 1",
        },
    ),
    Opinion(
        *("gate-usdt", "gate/futures_usdt_contracts_2024-12-02.json"),
        *("api/v4/futures/usdt/contracts", _gate),
        {
            **_LEAST_LEVERAGE,
            "maker": "ours: the record's maker_fee_rate",
            "taker": "ours: the record's taker_fee_rate",
            "limits.price.min": "ccxt: of the mark price of that moment; we have the band",
            "limits.price.max": "ccxt: of the mark price of that moment; we have the band",
        },
    ),
)
_PLAIN: Final = (
    *("symbol", "base", "quote", "settle", "type", "spot", "swap", "future", "option", "margin"),
    *("active", "contract", "linear", "inverse", "contractSize", "expiry", "expiryDatetime"),
    *("strike", "optionType", "created", "maker", "taker"),
)


def flat(market: dict[str, Any]) -> dict[str, Any]:
    """What both may say of a market, by path."""
    told = {name: market.get(name) for name in _PLAIN}
    told |= {f"precision.{name}": market["precision"].get(name) for name in ("price", "amount")}
    for name in ("amount", "price", "cost", "leverage", "market"):
        limits = market["limits"].get(name) or {}
        told |= {f"limits.{name}.{end}": limits.get(end) for end in ("min", "max")}
    return told


@pytest.mark.parametrize("opinion", OPINIONS, ids=lambda opinion: opinion.file)
def test_the_bridge_and_ccxt_read_the_same_but_for_what_is_named(opinion: Opinion) -> None:
    line = product_line_of(opinion.venue_id)
    assert line is not None
    path = VENUES / opinion.file
    reading = read_answers(line, [decode_file(SavedResponse(opinion.request, path))])
    ends = (*reading.markets[:MARKETS_MAX], *reading.markets[-MARKETS_MAX:])
    some = {market.spelling: market for market in ends}
    theirs = {
        market["id"]: flat(market)
        for market in opinion.parse(json.loads(path.read_text(encoding="utf-8")))
    }
    differing: dict[str, tuple[Any, ...]] = {}
    for found in resolutions_of(some.values(), opinion.venue_id):
        ours, other = flat(ccxt_market(found)), theirs[found.venue_symbol]
        for name, value in ours.items():
            if value != other[name]:
                differing[name] = (found.venue_symbol, value, other[name])
    assert differing.keys() == opinion.differing.keys(), differing
