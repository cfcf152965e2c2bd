"""What a burst needed is given back to the system."""

from __future__ import annotations

import asyncio

import pytest

from cqar_shared.runtime import process_memory


def test_only_growth_is_worth_a_look() -> None:
    assert not process_memory.has_grown(100, 100)
    assert not process_memory.has_grown(100, 105)
    assert process_memory.has_grown(100, 106)


async def test_what_grew_is_given_back_and_what_did_not_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []
    # Of the burst to 150, nothing can be given back while it lasts.
    readings = iter([100, 101, 150, 150, 104, 200, 104])
    last = [0]

    def read() -> int:
        last[0] = next(readings, last[0])
        return last[0]

    monkeypatch.setattr(process_memory, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(process_memory, "memory_bytes", read)
    monkeypatch.setattr(process_memory, "trim_memory", lambda: given.append(last[0]))
    task = asyncio.create_task(process_memory.trim_memory_after_bursts())
    while len(given) < 3:
        await asyncio.sleep(0.001)
    task.cancel()
    assert given == [150, 150, 200]


async def test_what_stays_is_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    read: list[int] = []

    def resident() -> int:
        read.append(150 if read else 100)
        return read[-1]

    monkeypatch.setattr(process_memory, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(process_memory, "memory_bytes", resident)
    monkeypatch.setattr(process_memory, "trim_memory", lambda: given.append(150))
    task = asyncio.create_task(process_memory.trim_memory_after_bursts())
    while len(read) < 3 * process_memory.LOOKS_MAX:
        await asyncio.sleep(0.001)
    task.cancel()
    assert len(given) == process_memory.LOOKS_MAX
