"""Runs locust on one mix, in a process of its own, and reads what came of it."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from cqar.embedded.ports import pick_ports
from cqar.embedded.process import log_tail
from loadtests.mixes import ACTS_PER_S_A_USER, Mix
from loadtests.run_outcome import RunOutcome

LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")
#: Calls under way when the time is over end by themselves within this.
STOP_S: Final = 15
WARM_UP_S: Final = 5
#: Importing locust, asking for keys, stopping, writing the report; on a busy machine.
AROUND_S: Final = 120


class LoadFailed(Exception):
    """A run did not come to an outcome; the text is for people."""


class LoadRun(NamedTuple):
    """One mix against one server.

    Attributes:
        server: Who answers there: writer or resolver.
        address: host:port.
        key: An API key; empty for a resolver on this machine.
    """

    mix: Mix
    server: str
    address: str
    key: str

    @property
    def name(self) -> str:
        """As its files are called: only mixes for several servers say which it was."""
        several = len(self.mix.servers) > 1
        return f"{self.mix.name}-{self.server}" if several else self.mix.name


class LoadSize(NamedTuple):
    """How much load.

    Attributes:
        acts_per_s: None for the mix's own.
        processes: Processes of locust, which share the users; each has a connection of its own.
        warm_up_s: Before what counts: a writer's cache is empty at first.
    """

    seconds: int
    acts_per_s: int | None = None
    processes: int = 1
    warm_up_s: int = WARM_UP_S

    @property
    def total_s(self) -> int:
        return self.warm_up_s + self.seconds


class LocustResult(NamedTuple):
    """A run's end.

    Attributes:
        cores: What locust kept busy. Near one a process, it measures itself, not the server.
    """

    outcome: RunOutcome
    cores: float


async def run_locust(run: LoadRun, size: LoadSize, reports: Path) -> LocustResult:
    """Make the load; `reports` then has NAME.html (locust's report), NAME.json and NAME.log.

    Raises:
        LoadFailed: Locust could not begin, or did not end.
    """
    outcome, log = await asyncio.to_thread(_make_room, run.name, reports)
    before_s = _children_cpu_s()
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *_command(run, size, reports),
            env={**os.environ, "CQAR_KEY": run.key},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        async with asyncio.timeout(size.total_s + AROUND_S):
            code = await process.wait()
    except TimeoutError as error:
        raise LoadFailed(f"{run.name}: locust did not end: see {log}") from error
    finally:
        await _end(process)
    written = await asyncio.to_thread(outcome.read_bytes)
    if not written:
        raise LoadFailed(f"{run.name}: locust ended with {code}:\n{log_tail(log)}")
    cores = (_children_cpu_s() - before_s) / size.total_s
    return LocustResult(msgspec.json.decode(written, type=RunOutcome), cores)


def _children_cpu_s() -> float:
    """CPU time of all children that have ended: of a stack's services, none has."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _make_room(name: str, reports: Path) -> tuple[Path, Path]:
    """Where the outcome and the log are to be; what an earlier run left there is gone."""
    reports.mkdir(parents=True, exist_ok=True)
    outcome, log = reports / f"{name}.json", reports / f"{name}.log"
    outcome.write_bytes(b"")
    return outcome, log


def _command(run: LoadRun, size: LoadSize, reports: Path) -> Sequence[str]:
    acts_per_s = size.acts_per_s or run.mix.acts_per_s
    users = str(max(1, round(acts_per_s / ACTS_PER_S_A_USER)))
    several = _several(size.processes) if size.processes > 1 else []
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE)),
        *("--headless", "--only-summary", "--host", run.address),
        *("--users", users, "--spawn-rate", users),
        *("--warm-up", str(size.warm_up_s), "--run-time", f"{size.total_s}s"),
        *("--stop-timeout", str(STOP_S)),
        *("--html", str(reports / f"{run.name}.html")),
        *("--outcome", str(reports / f"{run.name}.json")),
        *several,
        run.mix.name.capitalize(),
    ]


def _several(processes: int) -> list[str]:
    """Its processes meet on a port: one that no other run has."""
    port = str(pick_ports({"locust": 5557})["locust"])
    return ["--processes", str(processes), "--master-bind-port", port, "--master-port", port]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Locust removes what it made when it is told to end; killed it would not."""
    if process.returncode is not None:
        return
    process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(2 * STOP_S):
            await process.wait()
            return
    process.kill()
    await process.wait()
