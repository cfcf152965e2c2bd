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


def note_head_request(place: WatchCursor) -> tuple[int, int]:
    request: Any = place.question().request
    return request.from_revision, request.epoch


def test_who_watches_from_now_on_goes_on_behind_the_revision_that_now_was() -> None:
    place = WatchCursor(0, 0, ["venue"], ())
    assert asked(place) == (0, 0)
    place.told(update(7))
    assert asked(place) == (8, 1)


def test_of_a_past_that_is_yet_to_be_told_the_first_sign_of_life_says_nothing() -> None:
    place = WatchCursor(3, 1, (), ())
    assert asked(place) == (3, 1)
    place.told(update(9))
    assert asked(place) == (3, 1)
    place.told(update(9))
    place.told(update(9, changed=3))
    assert asked(place) == (4, 1)


def test_what_is_not_for_this_watcher_was_told_with_the_next_sign_of_life() -> None:
    place = WatchCursor(3, 1, (), ())
    for one in (update(9), update(9, changed=3), update(12)):
        place.told(one)
    assert asked(place) == (13, 1)


def test_a_resolver_that_lags_takes_nobody_back() -> None:
    place = WatchCursor(8, 1, (), ())
    for one in (update(5), update(6)):
        place.told(one)
    assert asked(place) == (8, 1)


def test_no_sign_of_life_names_what_is_yet_to_be_told_or_what_is_long_past() -> None:
    place = WatchCursor(0, 0, (), ())
    told = [place.told(one) for one in (update(7), update(8, changed=8), update(8))]
    assert told == [True, True, True]
    for resolver, first in (("of a release before", 12), ("behind", 6)):
        place.question()  # the connection was lost, and made again
        assert not place.told(update(first)), resolver
        assert asked(place) == (9, 1)
    assert [place.told(one) for one in (update(12, changed=9), update(12))] == [True, True]
    assert asked(place) == (13, 1)


@pytest.mark.parametrize("seed", range(50))
def test_wherever_it_breaks_off_each_change_set_is_told_once(seed: int) -> None:
    chance = random.Random(seed)
    wanted = sorted(chance.sample(range(1, 40), 15))
    place, told, head = WatchCursor(1, 1, (), ()), [], 5
    while not told or told[-1] != wanted[-1]:
        (at, _), head = asked(place), min(head + chance.randint(0, 9), 40)
        messages = [update(head)]
        messages += [update(head, changed=r) for r in wanted if at <= r <= head]
        messages.append(update(head))
        for one in messages[: chance.randint(0, len(messages))]:
            place.told(one)
            told += [one.change_set.revision] if one.change_set else []
    assert told == wanted


def test_pauses_grow_to_a_bound_and_begin_anew_once_something_came() -> None:
    place = WatchCursor(0, 0, (), ())
    pauses = [place.pause_s() for _ in range(20)]
    assert PAUSE_FIRST_S / 2 <= pauses[0] <= PAUSE_FIRST_S
    assert PAUSE_MAX_S / 2 <= pauses[-1] <= PAUSE_MAX_S
    place.told(update(1))
    assert place.pause_s() <= PAUSE_FIRST_S
