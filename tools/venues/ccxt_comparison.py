"""The venues' files as ccxt reads them, compared field by field with what our readers read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from cqar.importer.ccxt_answers import RecordedResponses
from cqar.importer.ccxt_reading import SYMBOL_TYPES, make_exchange, parse_market
from cqar.importer.market import Market
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import SavedResponse, decode_file
from cqar_shared.domain.kinds.venue_symbol import ACTIVE, MarketStatusCode
from tests.readers.listing_files import VENUES, Beside, Listing

#: The terms that ccxt's unified market has a place for.
COMPARED: Final = (
    *("tick_size", "lot_size", "min_order_size", "max_order_size", "min_notional"),
    *("contract_size", "expiry", "strike", "status"),
)
_TESTNET: Final = "-testnet"
#: Of a field that is not stated, or a record that is no market.
NOTHING: Final = "nothing"


class Disagreement(NamedTuple):
    """ccxt and our reader differ in a field of a market.

    Attributes:
        ours, ccxts: The values, as texts; NOTHING where one states none.
    """

    venue_id: str
    field: str
    spelling: str
    ours: str
    ccxts: str
    file: str


class Compared(NamedTuple):
    """A file that both have read.

    Attributes:
        markets: Number of markets that both read.
        refused: Why ccxt does not read the file; empty if it does.
        disagreements: In the order of the records; then those that one alone reads a market of,
            as field `record`.
    """

    listing: Listing
    markets: int
    refused: str
    disagreements: list[Disagreement]


def compare(listing: Listing, ours: Iterable[Market]) -> Compared | None:
    """Compare a file's markets with ccxt's; None if ccxt does not know the venue."""
    line = product_line_of(listing.venue_id)
    ccxt_id = _ccxt_id(line) if line else ""
    if line is None or not ccxt_id:
        return None
    found, refused = _read(line, ccxt_id, listing)
    mine = {market.spelling: market for market in ours}
    both = [spelling for spelling in mine if spelling in found]
    disagreements = [
        Disagreement(listing.venue_id, field, spelling, _text(here), _text(there), listing.file)
        for spelling in both
        for field, here, there in _differing(mine[spelling], found[spelling])
    ]
    if not refused:
        disagreements += [
            Disagreement(
                listing.venue_id,
                "record",
                spelling,
                "a market" if spelling in mine else NOTHING,
                "a market" if spelling in found else NOTHING,
                listing.file,
            )
            for spelling in sorted(mine.keys() ^ found.keys())
        ]
    return Compared(listing, len(both), refused, disagreements)


def _ccxt_id(line: ProductLine) -> str:
    venue_id = line.venue_id.removesuffix(_TESTNET)
    real = product_line_of(venue_id)
    return real.ccxt_id if real else ""


def _read(line: ProductLine, ccxt_id: str, listing: Listing) -> tuple[dict[str, Market], str]:
    """Spelling -> market of the line's own types, and why there is none."""
    types = {name for name, kind in SYMBOL_TYPES.items() if kind in line.symbol_types}
    exchange = make_exchange(ccxt_id, types)
    with tempfile.TemporaryDirectory() as folder:
        saved = [_saved(beside, Path(folder)) for beside in _files(listing)]
        RecordedResponses(exchange, saved)
    try:
        markets = exchange.fetch_markets() or []
    except Exception as error:  # noqa: BLE001  (ccxt's parsers raise whatever they trip over)
        return {}, f"{type(error).__name__}: {str(error)[:80]}"
    found = {}
    for market in markets:
        if market.get("type") in types and _is_of(line, market):
            try:
                parsed = parse_market(market, exchange.precisionMode)
            except (ValueError, KeyError) as error:
                return {}, f"{type(error).__name__}: {str(error)[:80]}"
            found[parsed.spelling] = parsed
    return found, "" if found else "it reads no market from this answer"


def _is_of(line: ProductLine, market: dict[str, Any]) -> bool:
    """Whether it is of the line: Bybit's answers of all kinds have one shape."""
    if not market.get("contract") or line.operator.removesuffix(_TESTNET) != "bybit":
        return True
    kind = next((kind for kind in ("linear", "inverse") if kind in line.venue_id), "")
    return not kind or bool(market.get(kind))


def _files(listing: Listing) -> Iterator[tuple[Beside, Callable[[Any], Any] | None]]:
    yield Beside(listing.file, listing.request), listing.restored
    for beside in listing.beside:
        yield beside, None


def _saved(file: tuple[Beside, Callable[[Any], Any] | None], folder: Path) -> SavedResponse:
    (path, request), restored = file
    if restored is None:
        return SavedResponse(request, VENUES / path)
    value = restored(decode_file(SavedResponse(request, VENUES / path)).value)
    copy = folder / path.replace("/", "_")
    copy.write_text(json.dumps(value), encoding="utf-8")
    return SavedResponse(request, copy)


def _differing(ours: Market, ccxts: Market) -> Iterator[tuple[str, Any, Any]]:
    for field in COMPARED:
        here, there = getattr(ours, field), getattr(ccxts, field)
        if field == "status":
            # ccxt has one bit: whether orders are taken.
            is_active = None if here is None else here in ACTIVE
            says = None if there is None else there is MarketStatusCode.ONLINE
            if is_active != says:
                yield field, here.name if here else None, _bit(says)
        elif here != there:
            yield field, here, there


def _bit(active: bool | None) -> str | None:
    return None if active is None else "active" if active else "inactive"


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
