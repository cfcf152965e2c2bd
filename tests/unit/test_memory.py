"""What a burst needed is given back to the system."""

from __future__ import annotations

import asyncio

import pytest

from shared import memory


def test_only_growth_is_worth_a_look() -> None:
    assert not memory.has_grown(100, 100)
    assert not memory.has_grown(100, 105)
    assert memory.has_grown(100, 106)


async def test_what_grew_is_given_back_and_what_did_not_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []
    readings = iter([100, 101, 101, 150, 120, 121, 121, 200, 180])
    last = [0]

    def read() -> int:
        last[0] = next(readings, last[0])
        return last[0]

    monkeypatch.setattr(memory, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(memory, "memory_bytes", read)
    monkeypatch.setattr(memory, "give_back", lambda: given.append(last[0]))
    task = asyncio.create_task(memory.give_back_at_times())
    while len(given) < 2:
        await asyncio.sleep(0.001)
    task.cancel()
    assert given == [150, 200]
