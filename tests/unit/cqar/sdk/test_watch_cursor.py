"""Where a watcher goes on: behind all that it was told, never before, never beyond."""

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


def asked(cursor: WatchCursor) -> tuple[int, int]:
    request: Any = cursor.question().request
    return request.from_revision, request.epoch


def test_who_watches_from_now_on_goes_on_behind_the_revision_that_now_was() -> None:
    cursor = WatchCursor(0, 0, ["venue"], ())
    assert asked(cursor) == (0, 0)
    cursor.advance(update(7))
    assert asked(cursor) == (8, 1)


def test_of_a_past_that_is_yet_to_be_told_the_first_sign_of_life_says_nothing() -> None:
    cursor = WatchCursor(3, 1, (), ())
    assert asked(cursor) == (3, 1)
    cursor.advance(update(9))
    assert asked(cursor) == (3, 1)
    cursor.advance(update(9))
    cursor.advance(update(9, changed=3))
    assert asked(cursor) == (4, 1)


def test_what_is_not_for_this_watcher_was_told_with_the_next_sign_of_life() -> None:
    cursor = WatchCursor(3, 1, (), ())
    for one in (update(9), update(9, changed=3), update(12)):
        cursor.advance(one)
    assert asked(cursor) == (13, 1)


def test_a_resolver_that_lags_takes_nobody_back() -> None:
    cursor = WatchCursor(8, 1, (), ())
    for one in (update(5), update(6)):
        cursor.advance(one)
    assert asked(cursor) == (8, 1)


def test_no_sign_of_life_names_what_is_yet_to_be_told_or_what_is_long_past() -> None:
    cursor = WatchCursor(0, 0, (), ())
    told = [cursor.advance(one) for one in (update(7), update(8, changed=8), update(8))]
    assert told == [True, True, True]
    for resolver, first in (("of a release before", 12), ("behind", 6)):
        cursor.question()  # the connection was lost, and made again
        assert not cursor.advance(update(first)), resolver
        assert asked(cursor) == (9, 1)
    assert [cursor.advance(one) for one in (update(12, changed=9), update(12))] == [True, True]
    assert asked(cursor) == (13, 1)


@pytest.mark.parametrize("seed", range(50))
def test_wherever_it_breaks_off_each_change_set_is_told_once(seed: int) -> None:
    chance = random.Random(seed)
    wanted = sorted(chance.sample(range(1, 40), 15))
    cursor, told, head = WatchCursor(1, 1, (), ()), [], 5
    while not told or told[-1] != wanted[-1]:
        (at, _), head = asked(cursor), min(head + chance.randint(0, 9), 40)
        messages = [update(head)]
        messages += [update(head, changed=r) for r in wanted if at <= r <= head]
        messages.append(update(head))
        for one in messages[: chance.randint(0, len(messages))]:
            cursor.advance(one)
            told += [one.change_set.revision] if one.change_set else []
    assert told == wanted


def test_pauses_grow_to_a_bound_and_begin_anew_once_something_came() -> None:
    cursor = WatchCursor(0, 0, (), ())
    pauses = [cursor.pause_s() for _ in range(20)]
    assert PAUSE_FIRST_S / 2 <= pauses[0] <= PAUSE_FIRST_S
    assert PAUSE_MAX_S / 2 <= pauses[-1] <= PAUSE_MAX_S
    cursor.advance(update(1))
    assert cursor.pause_s() <= PAUSE_FIRST_S
