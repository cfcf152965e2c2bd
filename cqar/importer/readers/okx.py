"""OKX v5: spot, swaps, futures and options, in one namespace; and its demo trading.

Quantities of orders are in the base currency of SPOT, and count contracts of SWAP, FUTURES and
OPTION ("the value is the number of contracts"). A contract is worth ctVal times ctMult units of
ctValCcy. MARGIN names the same markets as SPOT once more; EVENTS are no markets of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from cqar.importer.readers import okx_currencies
from cqar.importer.readers.okx_instruments import TYPES, OkxInstrument, read
from cqar.importer.readers.product_line import (
    Answer,
    Answers,
    Form,
    NotTheAnswer,
    ProductLine,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode


def _rows(answers: Answers) -> Iterable[Row]:
    bands = {
        row.name: row.record.get("tickBand")
        for answer in answers_to(answers, _TICK_BANDS)
        for row in objects_at(_checked(answer), "data", name="instFamily")
        if isinstance(row.record, dict)
    }
    for request in _REQUESTS.values():
        asked = dict(request.query)["instType"]
        for answer in answers_to(answers, request):
            for row in objects_at(_checked(answer), "data", name="instId"):
                yield _with_bands(row, asked, bands)


def _checked(answer: Answer) -> Any:
    value = answer.value
    if isinstance(value, dict) and value.get("code", "0") != "0":
        raise NotTheAnswer(f"it is an error: {str(value.get('msg'))[:200]}")
    return value


def _with_bands(row: Row, asked: str, bands: Mapping[str, Any]) -> Row:
    if not isinstance(row.record, dict):
        return row
    stated = row.record.get("instType")
    if isinstance(stated, str) and stated in TYPES and stated != asked:
        raise NotTheAnswer(f"{row.name} is {stated}, not {asked}")
    family = row.record.get("instFamily")
    if asked != "OPTION" or not isinstance(family, str) or family not in bands:
        return row
    return Row(row.name, row.record | {"@tickBand": bands[family]})


def _covers(query: Mapping[str, str], spelling: str, _type: SymbolTypeCode) -> bool:
    """Whether an answer about one instrument, underlying or family would hold a spelling."""
    if "instId" in query:
        return query["instId"] == spelling
    family = query.get("instFamily") or query.get("uly") or ""
    return bool(family) and spelling.startswith(f"{family}-")


_REQUESTS: Final = {
    name: Request(
        "www.okx.com/api/v5/public/instruments",
        query=(("instType", name),),
        narrows=("instId", "instFamily", "uly", "seriesId"),
    )
    for name in TYPES
}
_TICK_BANDS: Final = Request(
    "www.okx.com/api/v5/public/instrument-tick-bands", query=(("instType", "OPTION"),)
)

_OKX: Final = ProductLine(
    venue_id="okx",
    name="OKX",
    operator="okx",
    forms=(
        Form(
            lists=tuple(_REQUESTS.values()),
            also=(_TICK_BANDS,),
            record=OkxInstrument,
            rows=_rows,
            read=read,
            covers=_covers,
            types={
                request: frozenset({listed} if (listed := TYPES[name]) else ())
                for name, request in _REQUESTS.items()
            },
        ),
    ),
    symbol_types=frozenset(
        {
            SymbolTypeCode.SPOT,
            SymbolTypeCode.PERPETUAL,
            SymbolTypeCode.FUTURE,
            SymbolTypeCode.OPTION,
        }
    ),
    currencies=(okx_currencies.CURRENCIES,),
    prices=(
        tickers(
            *(
                Request("www.okx.com/api/v5/market/tickers", query=(("instType", name),))
                for name in ("SPOT", "SWAP")
            ),
            fields=TickerFields(("data",), spelling="instId", at="ts", traded="vol24h"),
        ),
    ),
    ccxt_id="okx",
    documentation=(
        "https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments",
        "https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-place-order",
    ),
)

PRODUCT_LINES: Final = (
    _OKX,
    replace(
        _OKX,
        venue_id="okx-testnet",
        name="OKX Demo Trading",
        operator="okx-testnet",
        environment=EnvironmentCode.DEMO,
        ccxt_id="",
    ),
)
