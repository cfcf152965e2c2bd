"""Where a watch continues: behind all that it received, never before, never beyond."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

import cqar
from cqar.sdk.watch_cursor import PAUSE_FIRST_S, PAUSE_MAX_S, WatchCursor
from tests.support.entity_builders import NOW


def update(revision: int, *, changed: int = 0, epoch: int = 1) -> cqar.Update:
    fresh = cqar.Freshness(epoch, revision, cqar.State.LIVE, 1)
    moment: dt.datetime = NOW
    change_set = cqar.ChangeSet(epoch, changed, moment, "tester", "", ()) if changed else None
    return cqar.Update(change_set, fresh)


def wanted_by(cursor: WatchCursor) -> tuple[int, int]:
    request: Any = cursor.question().request
    return request.from_revision, request.epoch


def test_a_watch_from_now_on_continues_behind_the_first_heartbeat() -> None:
    cursor = WatchCursor(0, 0, ["venue"], ())
    assert wanted_by(cursor) == (0, 0)
    cursor.advance(update(7))
    assert wanted_by(cursor) == (8, 1)


def test_the_first_heartbeat_does_not_skip_a_past_that_is_still_to_come() -> None:
    cursor = WatchCursor(3, 1, (), ())
    assert wanted_by(cursor) == (3, 1)
    cursor.advance(update(9))
    assert wanted_by(cursor) == (3, 1)
    cursor.advance(update(9))
    cursor.advance(update(9, changed=3))
    assert wanted_by(cursor) == (4, 1)


def test_a_heartbeat_passes_changes_that_the_watch_did_not_ask_for() -> None:
    cursor = WatchCursor(3, 1, (), ())
    for each in (update(9), update(9, changed=3), update(12)):
        cursor.advance(each)
    assert wanted_by(cursor) == (13, 1)


def test_a_resolver_that_lags_takes_no_watch_back() -> None:
    cursor = WatchCursor(8, 1, (), ())
    for each in (update(5), update(6)):
        cursor.advance(each)
    assert wanted_by(cursor) == (8, 1)


def test_heartbeats_of_the_future_or_the_past_are_dropped() -> None:
    cursor = WatchCursor(0, 0, (), ())
    yielded = [cursor.advance(each) for each in (update(7), update(8, changed=8), update(8))]
    assert yielded == [True, True, True]
    for resolver, first in (("of a release before", 12), ("behind", 6)):
        cursor.question()  # the connection was lost, and made again
        assert not cursor.advance(update(first)), resolver
        assert wanted_by(cursor) == (9, 1)
    assert [cursor.advance(each) for each in (update(12, changed=9), update(12))] == [True, True]
    assert wanted_by(cursor) == (13, 1)


@pytest.mark.parametrize("seed", range(50))
def test_wherever_it_breaks_off_each_change_set_is_received_once(seed: int) -> None:
    chance = random.Random(seed)
    wanted = sorted(chance.sample(range(1, 40), 15))
    cursor, received, head = WatchCursor(1, 1, (), ()), [], 5
    while not received or received[-1] != wanted[-1]:
        (first, _), head = wanted_by(cursor), min(head + chance.randint(0, 9), 40)
        messages = [update(head)]
        messages += [update(head, changed=r) for r in wanted if first <= r <= head]
        messages.append(update(head))
        for each in messages[: chance.randint(0, len(messages))]:
            cursor.advance(each)
            received += [each.change_set.revision] if each.change_set else []
    assert received == wanted


def test_pauses_grow_to_a_limit_and_restart_after_an_update() -> None:
    cursor = WatchCursor(0, 0, (), ())
    pauses = [cursor.pause_s() for _ in range(20)]
    assert PAUSE_FIRST_S / 2 <= pauses[0] <= PAUSE_FIRST_S
    assert PAUSE_MAX_S / 2 <= pauses[-1] <= PAUSE_MAX_S
    cursor.advance(update(1))
    assert cursor.pause_s() <= PAUSE_FIRST_S
