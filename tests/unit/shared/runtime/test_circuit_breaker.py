"""The breaker stops asking what fails, and asks again, once at a time."""

from __future__ import annotations

from cqar_shared.runtime.circuit_breaker import FAILURES_MAX, OPEN_S, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_MAX):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(3 * FAILURES_MAX):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()
    assert not opened(Clock()).allows()


def test_one_asker_at_a_time_finds_out_whether_it_is_well() -> None:
    clock = Clock()
    breaker = opened(clock)
    for _ in range(3):
        clock.now += OPEN_S
        assert breaker.allows()
        assert not breaker.allows()
        breaker.failed()
        assert not breaker.allows()
    clock.now += OPEN_S
    assert breaker.allows()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.allows()
    assert breaker.allows()


def test_nobody_is_held_off_once_nobody_asks_any_more() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert breaker.is_holding
    clock.now += OPEN_S
    assert breaker.is_open
    assert not breaker.is_holding
    assert breaker.allows()
    assert breaker.is_holding  # while one finds out
    breaker.succeeded()
    assert not breaker.is_holding
