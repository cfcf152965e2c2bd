"""Maps of venues' codes to assets: rotki's, ccxt's, and a plain one of our own. Pure.

rotki's map names contracts and coins: people checked it, so its word is REVIEWED evidence. ccxt's
map turns a venue's code into another ticker: it names no asset, so it binds nothing. A map of your
own has the columns operator, code, asset, and may have since and until.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final, NamedTuple

from cqar.importer.reference.asset_refs import AssetRefs, descriptions
from cqar.importer.reference.code_bindings import CodeBindings, CodePeriod
from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import (
    ListFile,
    Record,
    UnreadableRow,
    number_of,
    required,
    text_of,
)
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.places import Places
from cqar.importer.reference.statements import ListRow, RowOutcome, Statements
from cqar.importer.saved_answers import UnusableAnswer

KIND: Final = "codes"
_ROTKI: Final = frozenset({"update", "operation", "location", "location_symbol", "asset"})
_CCXT: Final = frozenset({"exchange", "venue_code", "unified_code"})
_OWN: Final = frozenset({"operator", "code", "asset"})
#: rotki's names of operators -> the registry's.
_OPERATORS: Final = {"independentreserve": "independent-reserve"}
#: ccxt's names of a venue's lines -> the operator's.
_CCXT_LINES: Final = {
    "binancecoinm": "binance",
    "binanceusdm": "binance",
    "coinbaseexchange": "coinbase",
    "coinbaseinternational": "coinbase",
    "krakenfutures": "kraken",
    "kucoinfutures": "kucoin",
}


class _Codes(NamedTuple):
    """What the rows of a map are compared with."""

    stated: Statements
    refs: AssetRefs
    bindings: CodeBindings
    assets: ListAssets


def plan_code_map(stated: Statements, described: ListFile | None = None) -> ListPlan:
    """Say what a code map would change.

    Args:
        described: A list that describes the assets that the map names by codes, such as rotki's.

    Raises:
        UnusableAnswer: The file has none of the forms that are known.
    """
    source = stated.source
    assets = ListAssets(stated, Places(stated.state))
    refs = AssetRefs(stated.state, assets, descriptions(described) if described else None)
    codes = _Codes(stated, refs, CodeBindings(stated, assets), assets)
    columns = set(source.columns)
    if columns >= _ROTKI:
        notes = _rotki(codes, is_described=described is not None)
    elif columns >= _CCXT:
        notes = _ccxt(codes)
    elif columns >= _OWN:
        notes = _own(codes)
    else:
        raise UnusableAnswer(
            f"{source.name} is no code map: a CSV with the columns operator, code, asset (since,"
            " until) was expected, or rotki's location_asset_mappings, or ccxt's common currencies"
        )
    plan = ListPlan(KIND, stated)
    plan.notes += notes
    return plan


def _rotki(codes: _Codes, *, is_described: bool) -> list[str]:
    """Rows are additions, updates and deletions, in the order of updates: the last one counts."""
    stated = codes.stated
    last = _last_words(stated.source.value)
    counting: list[ListRow] = []
    for index, record in enumerate(stated.source.value):
        place, code = record.get("location") or "", record.get("location_symbol") or ""
        what = record.get("asset") or record.get("operation")
        stated.begin(f"{place or 'every venue'}, {code}: {what}", record)
        if (final := last.get((place, code), index)) != index:
            stated.refuse(RowOutcome.UNSUPPORTED, f"row {final + 1} replaces it")
        else:
            counting.append(stated.row)
    # What is said of every venue confirms what is bound, so it comes after what binds.
    for row in sorted(counting, key=lambda row: not row.raw.get("location")):
        stated.resume(row)
        try:
            _rotki_row(codes, row.raw)
        except UnreadableRow as error:
            stated.refuse(RowOutcome.UNREADABLE, str(error))
    if is_described:
        return []
    return ["coins that the map names by a code alone are known with --assets rotki_assets.csv"]


def _last_words(records: list[Record]) -> dict[tuple[str, str], int]:
    """Return (location, code) -> index of the row that counts."""
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for index, record in enumerate(records):
        update = record.get("update") or ""
        number = int(update) if update.isdecimal() and len(update) < 10 else 0
        key = record.get("location") or "", record.get("location_symbol") or ""
        last[key] = max(last.get(key, (0, 0)), (number, index))
    return {key: index for key, (_, index) in last.items()}


def _rotki_row(codes: _Codes, record: Record) -> None:
    stated = codes.stated
    number_of(required(record, "update"), "update")
    code = required(record, "location_symbol")
    if text_of(record, "operation") == "deletions":
        stated.refuse(RowOutcome.UNSUPPORTED, "a deletion: the map says nothing of the code")
        return
    named, place = required(record, "asset"), text_of(record, "location")
    holder = codes.bindings.holder(_OPERATORS.get(place, place)) if place else ""
    if holder is None:
        stated.refuse(RowOutcome.UNSUPPORTED, f"no venue {place!r}")
        return
    found = codes.refs.of_listed(named, makes_new=bool(holder))
    if found is None:
        stated.refuse(RowOutcome.UNSUPPORTED, _unknown(codes, named))
        return
    stated.row.by = found.by
    if holder:
        codes.bindings.bind(holder, code, found.asset_id, CodePeriod(), named)
        return
    holders = codes.bindings.holders_of(code, found.asset_id)
    for operator in holders:
        codes.bindings.review(operator, code, found.asset_id, named)
    if not holders:
        stated.refuse(
            RowOutcome.UNSUPPORTED,
            "it is said of every venue, and at none here is the code bound so",
        )


def _unknown(codes: _Codes, named: str) -> str:
    described = codes.refs.described.get(named)
    if described is None:
        return f"no asset {named} here"
    name = f"{described.name} ({described.symbol})"
    return f"no asset here has a contract or identifier of {named}, or is named {name}"


def _ccxt(codes: _Codes) -> list[str]:
    """No row binds; each is compared with what its code is bound to."""
    stated = codes.stated
    for record in stated.source.value:
        venue, code, ticker = (
            str(record.get(name) or "") for name in ("exchange", "venue_code", "unified_code")
        )
        stated.begin(f"{venue}, {code}: {ticker}", record)
        if not (venue and code and ticker):
            stated.refuse(RowOutcome.UNREADABLE, "exchange, venue_code or unified_code is missing")
            continue
        holder = codes.bindings.holder(_CCXT_LINES.get(venue, venue))
        held = codes.bindings.bound(holder, code) if holder else None
        reason = "it states a ticker, and a ticker names no asset"
        if held is not None:
            symbols = codes.assets.symbols_of(held.asset_id)
            agrees = "as here" if ticker.upper() in symbols else f"here it is {sorted(symbols)}"
            reason = f"{reason}; {agrees}"
        stated.refuse(RowOutcome.UNSUPPORTED, reason)
    note = (
        "ccxt's map turns codes into tickers of its own. It names no asset, so it binds nothing;"
        " rows say where the registry's ticker is another one"
    )
    return [note]


def _own(codes: _Codes) -> list[str]:
    stated = codes.stated
    for record in stated.source.value:
        values = (str(record.get(name) or "") for name in ("operator", "code", "asset"))
        stated.begin("{}, {}: {}".format(*values), record)
        try:
            _own_row(codes, record)
        except UnreadableRow as error:
            stated.refuse(RowOutcome.UNREADABLE, str(error))
    return []


def _own_row(codes: _Codes, record: Record) -> None:
    operator, code, named = (required(record, name) for name in ("operator", "code", "asset"))
    since, until = _instants(record)
    holder = codes.bindings.holder(operator)
    if holder is None:
        codes.stated.refuse(RowOutcome.UNSUPPORTED, f"no venue {operator!r}")
        return
    found = codes.refs.of_own(named)
    if found is None:
        codes.stated.refuse(RowOutcome.UNSUPPORTED, f"no asset {named} here")
        return
    codes.stated.row.by = found.by
    codes.bindings.bind(holder, code, found.asset_id, CodePeriod(since, until), named)


def _instants(record: Record) -> Iterator[dt.datetime | None]:
    for name in ("since", "until"):
        text = text_of(record, name)
        try:
            instant = dt.datetime.fromisoformat(text) if text else None
        except ValueError as error:
            raise UnreadableRow(f"{name} {text[:40]!r} is no instant such as 2022-05-13") from error
        yield instant.replace(tzinfo=instant.tzinfo or dt.UTC) if instant else None
