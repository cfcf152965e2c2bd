"""The log of applied change sets, its cursors, and what of a change set a watch gets."""

from __future__ import annotations

from typing import Any

import pytest
from cqc.replication.v1 import replication_pb2 as rpb

from cqar_resolver.replication import change_log
from cqar_resolver.replication.change_filter import select_changes
from cqar_resolver.replication.change_log import AppliedChangeSet, ChangeLog, LogCursor
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KINDS
from cqar_shared.errors import OutOfRange
from tests.support.change_set_builders import encoded
from tests.support.entity_builders import (
    a_key,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_facts,
    a_venue_symbol,
    an_asset,
    an_id,
)

MARKET = {"venue", "venue_asset", "venue_facts", "venue_symbol"}


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
        entities.append(a_venue_facts(venue_id=venue_id))
    return AppliedChangeSet(change_set(*entities), {}, rpb.Head(), 0)


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


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k.exported and k.resident], ids=lambda k: k.name
)
def test_the_kinds_that_belong_to_a_venue_are_those_that_name_one(kind: AnyKind) -> None:
    assert ("venue_id" in kind.entity.__struct_fields__) == (kind.name in MARKET)


def test_the_removal_of_a_listing_reaches_watches_of_its_venue() -> None:
    listing = an_id("kraken")
    left = (("venue_symbol.spelling", "kraken\0XBT/USD"), ("venue_symbol.symbol", an_id("x")))
    removal = PlannedChange("venue_symbol", listing, None, b"", left, (), -1, 0, ())
    removed = change_set(gone=(("venue_symbol", listing),))
    log = ChangeLog()
    log.add(rpb.Head(revision=1), rpb.Commit(), removed, [removal])
    assert told(log.at(1), venue_ids=["kraken"]) == {("venue_symbol", listing)}
    assert told(log.at(1), venue_ids=["binance"]) == set()
    # The venue of a listing that was archived before is unknown: nobody is to miss its removal.
    log.restart()
    log.add(rpb.Head(revision=1), rpb.Commit(), removed, [])
    assert told(log.at(1), venue_ids=["binance"]) == {("venue_symbol", listing)}


# ---------------------------------------------------------------- cursors


def filled(log: ChangeLog, *revisions: int, size: int = 1, changes: int = 1) -> list[rpb.Head]:
    """Add change sets; returns the heads."""
    planned = [PlannedChange("venue", "v", b"", b"", (), (), 0, 0, ())] * changes
    heads = [rpb.Head(revision=revision) for revision in revisions]
    for head in heads:
        log.add(head, rpb.Commit(change_set=b"x" * size), rpb.ChangeSet(), planned)
    return heads


def waiting(cursor: LogCursor[Any]) -> list[int]:
    return [head.revision for head, _ in cursor.pending()]


@pytest.mark.parametrize("name", ["checkpoint", "replica"])
def test_a_cursor_gives_what_came_since_until_it_is_written(name: str) -> None:
    log = ChangeLog()
    cursor: LogCursor[Any] = getattr(log, name)
    filled(log, 1)
    assert cursor.is_lost, "nothing of before was written"
    assert not cursor.pending()
    cursor.restart()
    assert cursor.is_current
    filled(log, 2, 3)
    written = cursor.pending()
    filled(log, 4)
    assert waiting(cursor) == [2, 3, 4], "what could not be written waits"
    cursor.advance(written)
    assert waiting(cursor) == [4]
    assert not cursor.is_current
    cursor.lose()
    cursor.advance(written)
    assert (cursor.is_lost, cursor.pending()) == (True, [])


def test_what_both_cursors_passed_stays_for_watches_without_what_they_needed() -> None:
    log = ChangeLog()
    log.checkpoint.restart()
    filled(log, 1, 2)
    assert (log.at(1).commit is None, log.at(1).planned) == (False, None)
    log.checkpoint.advance(log.checkpoint.pending())
    assert [log.at(revision).commit for revision in (1, 2)] == [None, None]


def test_a_new_history_is_not_mistaken_for_what_was_being_written() -> None:
    log = ChangeLog()
    log.checkpoint.restart()
    filled(log, 1)
    written = log.checkpoint.pending()
    log.restart(is_in_checkpoint=True)
    filled(log, 1)
    log.checkpoint.advance(written)
    assert waiting(log.checkpoint) == [1]
    log.restart()
    assert log.checkpoint.is_lost


def test_a_cursor_with_too_much_waiting_is_lost() -> None:
    log = ChangeLog()
    log.checkpoint.restart()
    log.replica.restart()
    filled(log, 1, 2, size=change_log.CHECKPOINT_BYTES_MAX // 2 + 1)
    assert (log.checkpoint.is_lost, log.replica.is_lost) == (True, False)
    filled(log, 3, 4, changes=change_log.REPLICA_CHANGES_MAX // 2)
    assert log.replica.is_lost


def test_the_log_is_bounded_but_for_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_log, "CHANGE_SETS_MAX", 2)
    log = ChangeLog()
    log.replica.restart()
    filled(log, 1, 2, 3)
    assert waiting(log.replica) == [1, 2, 3]
    log.replica.advance(log.replica.pending())
    filled(log, 4)
    with pytest.raises(OutOfRange, match="revision 2 is not kept"):
        log.at(2)
    assert waiting(log.replica) == [4]
