"""What each protection is for: without it, the same schedules show a violation."""

from __future__ import annotations

import pytest

from tests.protocol.schedule import schedule_of, violation_of
from tests.protocol.switches import SWITCHES, Switch

#: All of them pass with the protocol whole: they are test_fuzz.py's. Most switches need hundreds.
SCHEDULES_MAX = 20_000


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.turn_off.__name__)
def test_a_protocol_with_a_protection_turned_off_is_caught(
    switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.turn_off(monkeypatch)
    found = next(filter(None, map(violation_of, map(schedule_of, range(SCHEDULES_MAX)))), None)
    assert found is not None, f"not caught in {SCHEDULES_MAX} schedules"
    assert found.number in switch.shown_by, found
