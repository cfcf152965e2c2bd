"""What was of no use is tried again ever less often; the clock is injected."""

from __future__ import annotations

import random

from cqar_resolver.replication.retry_delays import FIRST_S, LONGEST_S, RetryDelay


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_pause_grows_to_its_longest_and_ends_with_a_success() -> None:
    clock = Clock()
    pause = RetryDelay(clock, lambda _, high: high)
    assert pause.left_s == 0
    lengths = []
    for _ in range(8):
        pause.failed()
        lengths.append(round(pause.left_s, 3))
        clock.now_s += pause.left_s
        assert pause.left_s == 0
    assert lengths[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert lengths[-1] == LONGEST_S
    pause.failed()
    pause.succeeded()
    assert pause.left_s == 0
    pause.failed()
    assert round(pause.left_s, 3) == FIRST_S


def test_many_that_failed_at_once_do_not_try_again_at_once() -> None:
    lengths = set()
    for _ in range(20):
        pause = RetryDelay(lambda: 1000.0, random.uniform)
        pause.failed()
        lengths.add(pause.left_s)
        assert FIRST_S / 2 - 1e-6 <= pause.left_s <= FIRST_S
    assert len(lengths) > 1
