"""What each protection is for: without it, the same schedules show a violation."""

from __future__ import annotations

import pytest

from tests.protocol.schedule import schedule_of, seeds_of, violation_of
from tests.protocol.switches import SWITCHES, Switch

#: All of them pass with the protocol whole: they are test_fuzz.py's. A switch needs those of its
#: profile, most some dozens, and none takes more than some seconds.
SCHEDULES_MAX = 20_000


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.turn_off.__name__)
def test_a_protocol_with_a_protection_turned_off_is_caught(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.turn_off(monkeypatch)
    seeds = seeds_of(switch.profile, SCHEDULES_MAX)
    found = next(filter(None, map(violation_of, map(schedule_of, seeds))), None)
    assert found is not None, f"not caught by {switch.profile} in {SCHEDULES_MAX} schedules"
    assert found.number in switch.shown_by, found
