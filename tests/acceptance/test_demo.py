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
from tests.acceptance.conftest import copied_state
from tests.support.cli_runner import run_process
from tests.support.memory_folder import server_folder

UP_TIMEOUT_S = 120


async def test_the_demo_tells_how_a_change_arrives_and_an_order_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_folder() as folder:
        monkeypatch.setenv("TMPDIR", str(folder))
        ran = await run_process("demo", state=tmp_path)
    assert ran.code == 0, ran.err
    for said in (
        *("Catalogue: 3741 entities", "BTC/USDT", "tick 0.01 → 0.1", "refused: LISTING_HALTED"),
        *("stack-admin halted it at", "wallet maintenance", "p99 ms", "cqar up", "Stopped."),
    ):
        assert said in ran.out, ran.out


async def test_ctrl_c_stops_all_of_a_stack(empty_state: Path) -> None:
    async with copied_state(empty_state) as state:
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
