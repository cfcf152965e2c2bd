"""Dated files of a venue: what a plan does is what differs between the raw files, each once."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from cqar.importer.plan import Plan
from tests.readers.listing_files import Listing
from tests.readers.test_readers import expected_of, reading_of
from tests.reconciler.raw_differences.differences import (
    ENDED,
    LISTED,
    MISSING,
    Answer,
    Difference,
    Fields,
    aliases_of,
    differences,
)
from tests.reconciler.raw_differences.pairs import PAIRS, Pair, dated, listing_named
from tests.reconciler.raw_differences.plan_differences import identity_findings, plan_differences
from tests.support.entity_builders import a_venue
from tests.unit.cqar.importer.test_plan import Registry

#: Two sightings so far apart end what is missing.
LATER = dt.timedelta(minutes=11)
SHOWN = 10


def answer_of(listing: Listing) -> Answer:
    return Answer(expected_of(listing)[1], dated(listing))


def reconciled(registry: Registry, listing: Listing, after: dt.timedelta = dt.timedelta()) -> Plan:
    return registry.imported(
        at=dated(listing) + after,
        venue=listing.venue_id,
        reading=reading_of(listing),
        allow_mass_change=True,
    )


def require_same(found: Counter[Difference], expected: Counter[Difference]) -> None:
    too_many, too_few = found - expected, expected - found
    shown = [f"not in the files: {each}" for each in list(too_many.elements())[:SHOWN]]
    shown += [f"not found: {each}" for each in list(too_few.elements())[:SHOWN]]
    assert not shown, f"{too_many.total()} too many, {too_few.total()} too few\n" + "\n".join(shown)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_reconciling_two_dated_files_does_each_raw_difference_once_and_nothing_else(
    pair: Pair,
) -> None:
    registry = Registry(a_venue(venue_id=pair.before.venue_id))
    reconciled(registry, pair.before)
    before, after = answer_of(pair.before), answer_of(pair.after)
    expected = Counter(differences(before, after))
    assert expected.total() >= pair.least
    assert set(expected.values()) == {1}

    plan = reconciled(registry, pair.after)
    require_same(plan_differences(plan, after.at), expected)
    listed = {each.spelling for each in expected if each.what == LISTED}
    for (kind, spelling), count in identity_findings(plan).items():
        assert spelling in listed, f"{kind} of {spelling}, which is not new"
        assert count == 1, f"{kind} of {spelling} {count} times"

    again = reconciled(registry, pair.after)
    assert (again.changes, again.findings, again.superseded) == ([], [], [])

    # What is missing a second time is gone, with its aliases, and nothing else.
    plan = reconciled(registry, pair.after, LATER)
    found = plan_differences(plan, after.at + LATER)
    missing = [each.spelling for each in expected if each.what == MISSING]
    gone = Counter(Difference(spelling, "GONE") for spelling in missing)
    ended = [name for each in missing for name in (each, *aliases_of(before.records[each]))]
    require_same(found, gone + Counter(Difference(name, ENDED) for name in ended))


def test_an_answer_to_one_request_says_nothing_of_what_other_requests_name() -> None:
    files = ("SPOT", "SWAP", "FUTURES", "OPTION_BTC-USD")
    firsts = [listing_named(f"okx/instruments_{kind}_2022-05-13.json") for kind in files]
    registry = Registry(a_venue(venue_id="okx"))
    for first in firsts:
        reconciled(registry, first)
    after = answer_of(listing_named("okx/instruments_SWAP_2025-10-02_part1.json"))
    records = {name: fields for first in firsts for name, fields in expected_of(first)[1].items()}
    expected = Counter(
        differences(
            Answer(records, dated(firsts[0])), Answer(after.records, after.at, _is_perpetual)
        )
    )
    plan = reconciled(registry, listing_named("okx/instruments_SWAP_2025-10-02_part1.json"))
    require_same(plan_differences(plan, after.at), expected)


def _is_perpetual(fields: Fields) -> bool:
    return bool(fields["symbol_type"] == "PERPETUAL")
