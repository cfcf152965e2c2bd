"""What a first user does: the demo, and a stack that Ctrl-C stops."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cqar.embedded.endpoints import read_endpoints
from cqar.embedded.failures import StackNotRunning
from cqar.embedded.process import is_running
from cqar.embedded.stack import remove_state
from tests.support.cli_runner import run_process

UP_TIMEOUT_S = 120


async def test_the_demo_tells_how_a_change_arrives_and_an_order_is_refused(tmp_path: Path) -> None:
    ran = await run_process("demo", state=tmp_path)
    assert ran.code == 0, ran.err
    for said in (
        *("Catalogue: 3741 entities", "BTC/USDT", "tick 0.01 → 0.1", "refused: LISTING_HALTED"),
        *("stack-admin halted it at", "wallet maintenance", "p99 ms", "cqar up", "Stopped."),
    ):
        assert said in ran.out, ran.out


async def test_ctrl_c_stops_all_of_a_stack(tmp_path: Path) -> None:
    state = tmp_path / "state"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", "up", "--resolvers", "1"),
        env={**os.environ, "CQAR_STATE": str(state)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(UP_TIMEOUT_S):
        while not (state / "endpoints.json").exists():
            await asyncio.sleep(0.1)
    pids = read_endpoints(state).pids
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    assert [name for name, pid in pids.items() if is_running(pid)] == []
    with pytest.raises(StackNotRunning):
        read_endpoints(state)
    remove_state(state)
