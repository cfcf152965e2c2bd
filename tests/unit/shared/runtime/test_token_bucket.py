"""What one caller asks for comes from a bucket that fills again."""

from __future__ import annotations

from cqar_shared.runtime.token_bucket import BURST_S, CALLERS_MAX, TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate_and_each_caller_has_its_own() -> None:
    clock = Clock()
    rates = TokenBuckets(10, clock)
    burst = int(10 * BURST_S)
    assert [rates.take("a") for _ in range(burst)] == [0.0] * burst
    assert 0 < rates.take("a") <= 0.1
    assert rates.take("b") == 0.0
    clock.now += 0.35
    assert [rates.take("a") == 0.0 for _ in range(5)] == [True] * 3 + [False] * 2
    clock.now += 1_000
    assert sum(rates.take("a") == 0.0 for _ in range(100)) == burst


def test_a_rate_below_one_in_a_second_still_lets_one_through() -> None:
    clock = Clock()
    rates = TokenBuckets(0.1, clock)
    assert rates.take("a") == 0.0
    assert rates.take("a") == 10.0
    clock.now += 10.1
    assert rates.take("a") == 0.0


def test_buckets_are_bounded_and_a_spent_one_is_not_forgotten() -> None:
    clock = Clock()
    rates = TokenBuckets(1, clock)
    for number in range(CALLERS_MAX):
        rates.take(f"quiet {number}")
    assert [rates.take("loud") == 0.0 for _ in range(3)] == [True, True, False]
    for number in range(CALLERS_MAX // 2):
        rates.take(f"one more {number}")
    assert len(rates._left) == CALLERS_MAX
    assert rates.take("loud") > 0


def test_what_costs_more_takes_more_and_never_more_than_there_ever_is() -> None:
    clock = Clock()
    rates = TokenBuckets(10, clock)
    assert rates.take("a", 15) == 0.0
    assert rates.take("a", 15) == 1.0
    assert rates.take("a", 5) == 0.0
    clock.now += BURST_S
    assert rates.take("a", 10**9) == 0.0
