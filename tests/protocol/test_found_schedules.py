"""Schedules that once violated an invariant, as short as they were made."""

from __future__ import annotations

import pytest

from tests.protocol.schedule import Action, violation_of

#: What was wrong -> the schedule, as `name number` pairs.
FOUND = {
    "A replaced server, reached over a kept connection, dated itself later than its replacement": (
        "relay 3644, relay 739, promote 3310, relay 2237, promote 2156, relay 697, "
        "move_door 3085, relay 721, lead_astray 2235, promote 1280 "
    ),
    "A replaced server held a writer whose epoch there no standby confirmed": (
        "replicate_synchronously 1022, promote 3866, write 3130, restart_server 806, "
        "send_again 2345, promote 3786, move_door 2713, hold_standby 2946, write 3910, "
        "promote 3080 "
    ),
    "An image of a history that had lost what was served took its place": (
        "write 1906, follow 1809, crowd 1289, relay 1737, roll_back 3573, write 2778, "
        "follow 1887, publish_image 2478, relay 47, relay 2999, follow 2249 "
    ),
    "PostgreSQL lost what the file had between the look and the load": (
        "probe 3917, write 605, follow 1689, stop_resolver 3805, roll_back 845, follow "
        "2535, roll_back 3637 "
    ),
    "A stream that was handled further while its end was asked for seemed to have lost that": (
        "write 1135, read_replica 3396, relay 1803, relay 567, read_replica 1193, probe "
        "3833, write 3838, follow 1419, probe 1041, relay 2543, relay 1023, relay 1513, "
        "probe 673, wait 484 "
    ),
    "A lost epoch's number was used again by a writer that never knew of it": (
        "follow 1487, probe 3201, probe 3969, probe 934, follow 1654, write 2209, promote "
        "1587, relay 1701, relay_events 591, write 2103, write 2310, lose_commits 56, "
        "send_again 948, send_again 3101 "
    ),
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND.keys())
def test_a_schedule_that_was_found_keeps_the_invariants(text: str) -> None:
    steps = (step.split() for step in text.split(","))
    assert violation_of([Action(name, int(number)) for name, number in steps]) is None
