"""Which files show that one asset followed another."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Final

from tests.catalogue.evidence import Evidence, Row, names_of, tickers_of
from tests.catalogue.fact_files import DATA, plain_name, spelled
from tests.catalogue.venue_codes import files_of_codes

_ROTKI: Final = "identifiers/rotki_assets.csv"
_DATE: Final = re.compile(r"20\d\d-\d\d(-\d\d)?")
_OLD: Final = re.compile(r"\[old\]|\(old\)|\blegacy\b|\bold\b|\bv1\b", re.IGNORECASE)
#: Files without a date in their names.
_DATED: Final = {"identifiers/freqtrade_binance_usdm_unified_symbols.csv": "2026-09"}


def shown_by(relationship: Row, before: Evidence, after: Evidence) -> Iterator[str]:
    """Yield each file that shows it: one may come several times.

    A list says so itself (rotki's `swapped_for`, a name with "[OLD]"), calls one of the two by the
    other's ticker or name, or a venue traded the one before and the other one after.
    """
    yield from _said_by_rotki(before, after)
    yield from _called_alike(before, after)
    yield from _called_alike(after, before)
    yield from (f.file for f in (*before.by_place, *before.by_name) if _OLD.search(f.name))
    yield from _handed_over(relationship, before.row, after.row)


def _said_by_rotki(before: Evidence, after: Evidence) -> Iterator[str]:
    with (DATA / _ROTKI).open(newline="") as lines:
        rows = {row["identifier"]: row for row in csv.DictReader(lines)}
    for row in rows.values():
        target = rows.get(row["swapped_for"])
        if target and _is_of(row, before) and _is_of(target, after):
            yield "relationships/rotki_forks_and_swaps.csv"


def _is_of(row: dict[str, str], known: Evidence) -> bool:
    places = {fact.address for fact in known.by_place if fact.address}
    if row["address"]:
        return spelled(row["address"]) in places or row["symbol"].upper() in tickers_of(known.row)
    return row["symbol"].upper() in tickers_of(known.row)


def _called_alike(one: Evidence, other: Evidence) -> Iterator[str]:
    """Files that name a contract, id or ticker of the one, and call it as the other is called."""
    tickers = tickers_of(other.row) - tickers_of(one.row)
    names = names_of(other.row) - names_of(one.row)
    for fact in (*one.by_place, *one.by_name):
        if fact.ticker in tickers or (fact.name and plain_name(fact.name) in names):
            yield fact.file


def _handed_over(relationship: Row, before: Row, after: Row) -> Iterator[str]:
    """A venue's file with the old ticker, and a later one of the venue with the new one."""
    old, new = before["symbol"], after["symbol"]
    if old == new:
        return
    at = relationship["effective_at"]
    has_new = files_of_codes().get(new, frozenset())
    for first in files_of_codes().get(old, frozenset()):
        same = [file for file in has_new if _venue(file) == _venue(first)]
        # Where nobody knows the day, the venue must not have had the new ticker before.
        is_before = _date(first) < at if at else all(_date(f) > _date(first) for f in same)
        for last in same:
            if is_before and _date(first) < _date(last) and (not at or _date(last) >= at[:7]):
                yield first
                yield last


def _venue(file: str) -> str:
    """Whose listing a file is: its folder; files of other services are of nobody."""
    if file.startswith("identifiers/freqtrade"):
        return "venues/binance"
    return file.rpartition("/")[0]


def _date(file: str) -> str:
    found = _DATE.search(file)
    return found[0] if found else _DATED.get(file, "")
