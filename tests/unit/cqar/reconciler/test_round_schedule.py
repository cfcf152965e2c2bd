"""When a venue is asked next, whatever chance, failures and venues say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cqar.reconciler import round_schedule as schedule

NOW = 1_800_000_000.0
chances = st.floats(0, 1)
intervals = st.floats(1, 86_400)
failures = st.integers(1, 10_000)


@given(st.floats(0, 1_000), intervals, chances)
def test_after_a_success_the_interval_counts_from_the_rounds_begin(
    took_s: float, interval_s: float, chance: float
) -> None:
    due = schedule.after_success(NOW, NOW + took_s, interval_s, chance)
    assert due >= NOW + took_s
    assert due <= max(NOW + took_s, NOW + interval_s * (1 + schedule.JITTER))
    assert due >= NOW + interval_s * (1 - schedule.JITTER) - 1e-3


@given(failures, intervals, st.floats(1, 86_400), chances, st.none() | st.floats(0, 1e9))
def test_a_venue_is_left_alone_as_long_as_it_wants_and_no_longer_than_any_pause(
    count: int, interval_s: float, most_s: float, chance: float, wanted_s: float | None
) -> None:
    pause = schedule.after_failure(NOW, count, interval_s, most_s, chance, wanted_s) - NOW
    limit = max(most_s, schedule.LEFT_ALONE_S_MAX if wanted_s else 0.0)
    assert 0 < pause <= limit * (1 + schedule.JITTER) + 1e-3
    assert pause >= min(wanted_s or 0.0, schedule.LEFT_ALONE_S_MAX) - 1e-3


@given(failures, intervals, st.floats(1, 86_400), chances)
def test_the_pause_grows_with_failures_until_it_is_the_longest(
    count: int, interval_s: float, most_s: float, chance: float
) -> None:
    pauses = [
        schedule.after_failure(NOW, n, interval_s, most_s, chance) for n in (count, count + 1)
    ]
    assert pauses[0] <= pauses[1]
    forever = schedule.after_failure(NOW, 10_000, interval_s, most_s, 0.5) - NOW
    assert abs(forever - most_s) < 1e-3


@given(failures, chances)
def test_the_writer_is_asked_again_within_a_minute(count: int, chance: float) -> None:
    pause = schedule.after_writer_failure(NOW, count, chance) - NOW
    assert 0 < pause <= schedule.WRITER_PAUSE_S_MAX * (1 + schedule.JITTER) + 1e-3


@given(st.none() | st.floats(0, 1e12), intervals, chances, st.booleans())
def test_after_a_start_a_round_comes_soon_or_when_it_was_due(
    due_s: float | None, interval_s: float, chance: float, is_failing: bool
) -> None:
    due = schedule.after_start(NOW, due_s, interval_s, chance, is_failing=is_failing)
    most = max(schedule.LEFT_ALONE_S_MAX if is_failing else 0.0, interval_s)
    is_sane = due_s is not None and due_s <= NOW + most * (1 + schedule.JITTER)
    soon = NOW + min(schedule.SPREAD_S, interval_s)
    assert NOW <= due <= max(soon, due_s if is_sane and due_s is not None else 0.0)
    if is_sane and due_s is not None:
        assert due >= due_s
