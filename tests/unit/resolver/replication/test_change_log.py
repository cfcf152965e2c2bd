"""What of a change set a watcher is told: what was asked for, and nothing besides."""

from __future__ import annotations

from typing import Any

import pytest
from cqc.replication.v1 import replication_pb2 as rpb

from cqar_resolver.replication.change_log import AppliedChangeSet, ChangeLog, select_changes
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KINDS
from tests.support.change_set_builders import encoded
from tests.support.entity_builders import (
    a_key,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)

MARKET = {"venue", "venue_asset", "venue_symbol"}


def change_set(*entities: Entity, gone: tuple[tuple[str, str], ...] = ()) -> rpb.ChangeSet:
    changes = [rpb.Change(kind=k, key=key, entity=p) for (k, key), p in encoded(*entities).items()]
    changes += [rpb.Change(kind=kind, key=key, deleted=True) for kind, key in gone]
    return rpb.ChangeSet(epoch=1, revision=1, changes=changes)


def told(applied: AppliedChangeSet, **chosen_by: list[str]) -> set[tuple[str, str]]:
    found = select_changes(applied, chosen_by.get("kinds", []), chosen_by.get("venue_ids", []))
    return {(c.kind, c.key) for c in found.changes}


def everything() -> AppliedChangeSet:
    """All kinds of a market, at two venues."""
    entities: list[Any] = [an_asset(), a_symbol(), a_key()]
    for venue_id in ("binance", "kraken"):
        own = {"venue_id": venue_id, "listing_id": an_id(venue_id)}
        entities += [a_venue(venue_id), a_venue_asset(venue_id=venue_id), a_venue_symbol(**own)]
    return AppliedChangeSet(change_set(*entities), {}, 0)


def test_with_a_venue_only_what_belongs_to_it_is_told() -> None:
    found = told(everything(), venue_ids=["kraken"])
    assert {kind for kind, _ in found} == MARKET
    assert len(found) == len(MARKET)
    assert ("venue", "kraken") in found
    assert ("venue_symbol", an_id("kraken")) in found


def test_other_kinds_are_told_beside_a_venue_where_they_are_asked_for() -> None:
    found = told(everything(), venue_ids=["kraken"], kinds=["asset", "venue_symbol"])
    assert found == {("asset", an_asset().asset_id), ("venue_symbol", an_id("kraken"))}


def test_without_a_venue_all_but_keys_is_told() -> None:
    assert {kind for kind, _ in told(everything())} == MARKET | {"asset", "symbol"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.exported], ids=lambda k: k.name)
def test_the_kinds_that_belong_to_a_venue_are_those_that_name_one(kind: AnyKind) -> None:
    assert ("venue_id" in kind.entity.__struct_fields__) == (kind.name in MARKET)


def test_the_end_of_a_listing_is_told_to_those_who_watch_its_venue() -> None:
    listing = an_id("kraken")
    left = (("venue_symbol.spelling", "kraken\0XBT/USD"), ("venue_symbol.symbol", an_id("x")))
    end = PlannedChange("venue_symbol", listing, None, b"", left, (), -1, 0, ())
    recent = ChangeLog()
    recent.add(change_set(gone=(("venue_symbol", listing),)), [end])
    applied = recent.at(1)
    assert told(applied, venue_ids=["kraken"]) == {("venue_symbol", listing)}
    assert told(applied, venue_ids=["binance"]) == set()
    # Of what was archived before, memory does not know the venue: nobody is to miss its end.
    recent.restart()
    recent.add(change_set(gone=(("venue_symbol", listing),)), [])
    assert told(recent.at(1), venue_ids=["binance"]) == {("venue_symbol", listing)}
