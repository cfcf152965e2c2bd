"""When a venue is asked next: at its interval with jitter, later while it fails. Pure.

Instants are seconds since 1970. A chance is a number from 0 to 1 that the caller draws.
"""

from __future__ import annotations

from typing import Final

#: Share of the interval by which a round may come earlier or later: venues drift apart.
JITTER: Final = 0.1
#: The first rounds after a start come within so many seconds.
SPREAD_S: Final = 20.0
FIRST_PAUSE_S: Final = 15.0
#: The writer is one: when it is away, every venue waits for it.
WRITER_PAUSE_S: Final = 5.0
WRITER_PAUSE_S_MAX: Final = 60.0
#: The longest that a venue may ask to be left alone for.
LEFT_ALONE_S_MAX: Final = 3 * 86_400.0
_DOUBLINGS_MAX: Final = 30


def jittered(seconds: float, chance: float) -> float:
    """A pause that is up to `JITTER` shorter or longer."""
    return seconds * (1 + JITTER * (2 * chance - 1))


def after_start(
    now_s: float, due_s: float | None, interval_s: float, chance: float, *, is_failing: bool
) -> float:
    """The first round after a start: when it was due, or soon.

    Args:
        due_s: As it was noted before; None: nothing was. One that is further away than it can be
            is of a longer interval, or of a clock that was wrong.
        is_failing: Whether the venue failed last: it may have asked to be left alone.
    """
    soon_s = now_s + min(SPREAD_S, interval_s) * chance
    furthest_s = max(LEFT_ALONE_S_MAX if is_failing else 0.0, interval_s) * (1 + JITTER)
    if due_s is None or due_s > now_s + furthest_s:
        return soon_s
    return max(due_s, soon_s)


def after_success(began_s: float, now_s: float, interval_s: float, chance: float) -> float:
    """The round after one that was applied; a round that took long is followed at once."""
    return max(now_s, began_s + jittered(interval_s, chance))


def after_failure(
    now_s: float,
    failures: int,
    interval_s: float,
    backoff_s_max: float,
    chance: float,
    retry_after_s: float | None = None,
) -> float:
    """The round after one that failed at the venue.

    Args:
        failures: In a row, this one included.
        retry_after_s: As long as the venue wants to be left alone for.
    """
    doubled_s = min(FIRST_PAUSE_S, interval_s) * 2.0 ** min(max(failures - 1, 0), _DOUBLINGS_MAX)
    pause_s = jittered(min(doubled_s, backoff_s_max), chance)
    wanted_s = min(retry_after_s or 0.0, LEFT_ALONE_S_MAX)
    # Whoever was told a time comes a little after it, and not all at once.
    return now_s + max(pause_s, wanted_s * (1 + JITTER * chance))


def after_writer_failure(now_s: float, failures: int, chance: float) -> float:
    """The round after one that failed at the writer: the venue is not to blame."""
    doubled_s = WRITER_PAUSE_S * 2.0 ** min(max(failures - 1, 0), _DOUBLINGS_MAX)
    return now_s + jittered(min(doubled_s, WRITER_PAUSE_S_MAX), chance)
