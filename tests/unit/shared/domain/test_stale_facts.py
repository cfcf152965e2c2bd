"""What was read of a venue too long ago denies opening, where the venue says how long that is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import resolution
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.venue import FACTS_STALE_AFTER_S_MAX, VENUE
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import (
    NOW,
    a_symbol,
    a_venue,
    a_venue_facts,
    a_venue_symbol,
    an_asset,
)
from tests.support.memory_registry_view import Held, completed

HOUR = dt.timedelta(hours=1)
ASSETS = (an_asset(), an_asset("USDT"))
ONLINE = a_venue_symbol(status=MarketStatusCode.ONLINE)
LISTED = (*ASSETS, completed(a_symbol(), Held(*ASSETS)), ONLINE)


def resolved(*entities: Any, at: dt.datetime = NOW, **options: Any) -> pb.Resolution:
    reader = hydrated(encoded(*LISTED, *entities))
    context = QueryContext(reader)
    return resolution.resolve(context, "binance", "BTCUSDT", Instant.of(at), **options)


def codes(permission: pb.Permission) -> list[str]:
    return [reason.code for reason in permission.reasons]


def test_without_a_policy_no_age_is_too_old() -> None:
    found = resolved(a_venue(), a_venue_facts(as_of=NOW - 1_000 * HOUR))
    assert found.tradeable.allowed
    assert found.facts_age_ms == 1_000 * 3_600_000
    assert found.facts_as_of.ToDatetime(dt.UTC) == NOW - 1_000 * HOUR
    assert not resolved(a_venue()).HasField("facts_age_ms")


def test_facts_that_are_too_old_deny_opening_and_nothing_else() -> None:
    venue, facts = a_venue(facts_stale_after_s=3_600), a_venue_facts(as_of=NOW - HOUR)
    found = resolved(venue, facts).tradeable
    assert codes(found.open) == codes(found.post_only) == ["FACTS_STALE"]
    assert found.reduce.allowed
    assert found.cancel.allowed
    assert "3600 s" in found.open.reasons[0].message


def test_they_become_too_old_at_an_instant_that_is_told_before() -> None:
    venue, facts = a_venue(facts_stale_after_s=3_600), a_venue_facts(as_of=NOW)
    found = resolved(venue, facts, at=NOW + HOUR / 2).tradeable
    assert found.allowed
    assert found.until.ToDatetime(dt.UTC) == NOW + HOUR
    assert not resolved(venue, facts, at=NOW + HOUR).tradeable.allowed


def test_a_venue_with_a_policy_that_nobody_read_is_stale() -> None:
    found = resolved(a_venue(facts_stale_after_s=3_600)).tradeable
    assert codes(found.open) == ["FACTS_STALE"]
    assert not found.HasField("until")


def test_an_answer_as_of_an_instant_tells_no_age() -> None:
    later = resolved(a_venue(), a_venue_facts(), as_of=NOW + HOUR)
    assert not later.HasField("facts_as_of")


def test_what_was_read_of_an_earlier_instant_or_the_same_again_changes_nothing() -> None:
    before = a_venue_facts(as_of=NOW, markets=5)
    for at in (NOW, NOW - HOUR):
        given = a_venue_facts(as_of=at, read_at=NOW + HOUR, markets=9)
        assert VENUE_FACTS.complete(before, given, Held()) is before
    newer = a_venue_facts(as_of=NOW + HOUR)
    assert VENUE_FACTS.complete(before, newer, Held()) == newer


@pytest.mark.parametrize("seconds", [-1, FACTS_STALE_AFTER_S_MAX + 1])
def test_an_age_that_makes_no_sense_is_refused(seconds: int) -> None:
    venue = a_venue(facts_stale_after_s=seconds)
    assert [v.field for v in VENUE.check(None, venue, Held())] == ["facts_stale_after_s"]
    assert VENUE.complete(None, a_venue(facts_stale_after_s=0), Held()).facts_stale_after_s is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"as_of": None}, "as_of"),
        ({"as_of": NOW + HOUR}, "as_of"),
        ({"markets": -1}, "markets"),
        ({"venue_id": "No Slug"}, "venue_id"),
        ({"reader": "x" * 129}, "reader"),
        ({"answers": a_venue_facts().answers * 65}, "answers"),
    ],
)
def test_facts_that_cannot_be_are_refused(changes: dict[str, Any], field: str) -> None:
    view = Held()
    assert [v.field for v in VENUE_FACTS.check(None, a_venue_facts(**changes), view)] == [field]
