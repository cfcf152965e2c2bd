"""Dated files of one venue: each difference of their raw records is a change or a finding, once.

The records are compared here as they stand in the files, without any reader.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from cqar.importer.answer_reader import Reading
from cqar.importer.plan import Plan
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kinds.finding import FindingAction
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, is_open
from tests.readers import files_a, files_b
from tests.readers.listing_files import VENUES
from tests.readers.test_readers import reading_of
from tests.support.entity_builders import a_venue
from tests.unit.cqar.importer.test_plan import Registry

#: Field of a listing -> its value in the raw record: a number, a word, or None.
Terms = dict[str, Any]
FILES: Final = {listing.file: listing for listing in (*files_a.LISTINGS, *files_b.LISTINGS)}


def _number(value: Any) -> Decimal | None:
    """A number that is stated; venues write zero or nothing where there is none."""
    number = Decimal(str(value or 0))
    return number or None


def _binance(record: Any) -> Terms:
    by_type = {one["filterType"]: one for one in record["filters"]}
    price, lot = by_type.get("PRICE_FILTER", {}), by_type.get("LOT_SIZE", {})
    market = by_type.get("MARKET_LOT_SIZE", {})
    # A leveraged token that is TRADING, and may not be traded.
    is_allowed = record.get("isSpotTradingAllowed", True)
    return {
        "tick_size": _number(price.get("tickSize")),
        "lot_size": _number(lot.get("stepSize")),
        "min_order_size": _number(lot.get("minQty")),
        "market_lot_size": _number(market.get("stepSize")),
        "market_min_size": _number(market.get("minQty")),
        "status": record["status"] if is_allowed else "BREAK",
    }


def _bybit(record: Any) -> Terms:
    price, lot = record["priceFilter"], record["lotSizeFilter"]
    return {
        "tick_size": _number(price["tickSize"]),
        "lot_size": _number(lot["qtyStep"]),
        "min_order_size": _number(lot["minOrderQty"]),
        "status": record["status"],
    }


def _gate(record: Any) -> Terms:
    return {
        "tick_size": _number(record["order_price_round"]),
        "min_order_size": _number(record["order_size_min"]),
        "contract_size": _number(record["quanto_multiplier"]),
    }


def _okx(record: Any) -> Terms:
    return {
        "tick_size": _number(record["tickSz"]),
        "lot_size": _number(record["lotSz"]),
        "min_order_size": _number(record["minSz"]),
        "contract_size": _number(Decimal(record["ctVal"]) * Decimal(record["ctMult"])),
        "status": record["state"],
    }


def _coinbase(record: Any) -> Terms:
    return {
        "tick_size": _number(record["quote_increment"]),
        "lot_size": _number(record["base_increment"]),
        "min_order_size": _number(record.get("base_min_size")),
    }


def _kraken(record: Any) -> Terms:
    tick = record.get("tick_size") or Decimal(1).scaleb(-record["pair_decimals"])
    return {
        "tick_size": _number(tick),
        "lot_size": Decimal(1).scaleb(-record["lot_decimals"]),
        "min_order_size": _number(record.get("ordermin")),
    }


class Pair(NamedTuple):
    """Two files of a venue, in the order of their dates.

    Attributes:
        name_of: The field of a raw record that is its spelling.
        least: So many of their listings differ, at least.
    """

    before: str
    after: str
    name_of: str
    terms_of: Callable[[Any], Terms]
    least: int


_SPOT: Final = "binance/spot_exchangeInfo_"
_USDM: Final = "binance/usdm_exchangeInfo_"
PAIRS: Final = (
    Pair(f"{_SPOT}2021-10-12.json", f"{_SPOT}2022-11-28.json", "symbol", _binance, 100),
    Pair(f"{_USDM}2021-07-22.json", f"{_USDM}2022-05-04.json", "symbol", _binance, 10),
    Pair(f"{_USDM}2022-05-04.json", f"{_USDM}2024-09-10.json", "symbol", _binance, 10),
    Pair(f"{_USDM}2024-12-13.json", f"{_USDM}2025-08-22.json", "symbol", _binance, 10),
    Pair(
        "bybit/linear_instruments_2025-01-23_incomplete.json",
        "bybit/linear_instruments_2025-09-21.json",
        "symbol",
        _bybit,
        10,
    ),
    Pair(
        "gate/futures_usdt_contracts_2023-05-24.json",
        "gate/futures_usdt_contracts_2024-12-02.json",
        "name",
        _gate,
        10,
    ),
    Pair(
        "okx/instruments_SWAP_2022-05-13.json",
        "okx/instruments_SWAP_2025-10-02_part1.json",
        "instId",
        _okx,
        10,
    ),
    Pair(
        "coinbase/exchange_products_2021-04-17.json",
        "coinbase/exchange_products_2024-04-22.json",
        "id",
        _coinbase,
        10,
    ),
    Pair(
        "kraken/AssetPairs_2021-04-17.json",
        "kraken/AssetPairs_2025-06-11.json",
        "altname",
        _kraken,
        10,
    ),
)


def records_of(file: str, name_of: str) -> dict[str, Any]:
    """Raw records by their spelling, wherever in the file's envelope they stand."""
    found: dict[str, Any] = {}

    def look(value: Any) -> None:
        if isinstance(value, dict) and name_of in value and isinstance(value[name_of], str):
            found[value[name_of]] = value
        elif isinstance(value, dict):
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look(msgspec.json.decode((VENUES / file).read_bytes()))
    return found


def dated(file: str) -> dt.datetime:
    (day,) = (part for part in file.removesuffix(".json").split("_") if part.count("-") == 2)
    return dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)


def differing(terms: Terms, others: Terms) -> Iterator[str]:
    return (name for name in terms if terms[name] != others[name])


def changes_and_findings(plan: Plan) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Fields that change, and fields that people decide, by spelling."""
    changes: dict[str, set[str]] = {}
    for outcome in (o for o in plan.changes if o.kind is VENUE_SYMBOL):
        after: Any = outcome.after
        if outcome.before is not None:
            diff = entity_diff.visible_diff(outcome.before, after)
            changes[after.venue_symbol] = {field for field, _, _ in diff}
    left: dict[str, set[str]] = {}
    for finding in plan.findings:
        if finding.action is not FindingAction.APPLY:
            fields = [d.field for d in finding.differences or ()]
            known = left.setdefault(finding.venue_symbol or "", set())
            assert known.isdisjoint(fields), finding
            known.update(fields)
    return changes, left


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.after)
def test_each_raw_difference_is_a_change_or_a_finding_once(pair: Pair) -> None:
    venue_id = FILES[pair.after].venue_id
    registry = Registry(a_venue(venue_id=venue_id))

    def imported(file: str) -> tuple[Plan, Reading]:
        reading = reading_of(FILES[file])
        plan = registry.imported(
            at=dated(file), venue=venue_id, reading=reading, allow_mass_change=True
        )
        return plan, reading

    imported(pair.before)
    begun = {spelling: listing.listing_id for spelling, listing in open_listings(registry)}
    plan, reading = imported(pair.after)
    still = {spelling: listing.listing_id for spelling, listing in open_listings(registry)}
    rejected = {row.spelling for row in plan.rejected}
    read = {market.spelling for market in reading.markets} - rejected
    raw_before, raw_after = (records_of(f, pair.name_of) for f in (pair.before, pair.after))
    both = {
        name
        for name in raw_before.keys() & raw_after.keys() & read
        if name in begun and begun[name] == still.get(name)
    }
    changes, left = changes_and_findings(plan)
    different = 0
    for name in sorted(both):
        terms, others = pair.terms_of(raw_before[name]), pair.terms_of(raw_after[name])
        wanted = set(differing(terms, others))
        changed, found = (fields.get(name, set()) & terms.keys() for fields in (changes, left))
        assert changed.isdisjoint(found), name
        assert changed | found == wanted, (name, terms, others)
        different += bool(wanted)
    assert different >= pair.least
    assert len(both) > 0.5 * len(raw_before.keys() & raw_after.keys())


def open_listings(registry: Registry) -> Iterator[tuple[str, Any]]:
    for kind, entity in registry.entities.values():
        if kind is VENUE_SYMBOL and is_open(entity, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
            yield entity.venue_symbol, entity
