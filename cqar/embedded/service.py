"""Runs one service: starts it, restarts it when it dies, stops it.

A restart uses the same command, so the same address. The first restart comes after 0.2 s, so that a
killed server is back within half a second. The delay doubles up to 10 s, so that a crash loop does
not burn a core, and starts over once the service has been ready for 30 s.
"""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

from cqar.embedded import log_rotation
from cqar.embedded.failures import ServiceFailed
from cqar.embedded.private_files import open_private
from cqar.embedded.probes import Probe
from cqar.embedded.process import Command, exit_text, kill_session, log_tail, spawn

BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_MAX_SECONDS = 10.0
BACKOFF_RESET_SECONDS = 30.0
READY_POLL_SECONDS = 0.05
STOP_SECONDS = 15.0

_log = logging.getLogger(__name__)


class Service(Command, frozen=True, kw_only=True):
    """A long-running program: its readiness probe and its log file.

    `start_attempts` above 1 is for a server whose predecessor may still be ending.
    """

    ready: Probe
    log: Path
    ready_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    start_attempts: int = 1


def next_delay_seconds(last: float, alive: float) -> float:
    """The delay before a restart, in seconds.

    `last` is the delay before, 0 without one; `alive` is for how long the service was ready since.
    """
    if last == 0.0 or alive >= BACKOFF_RESET_SECONDS:
        return BACKOFF_FIRST_SECONDS
    return min(last * 2, BACKOFF_MAX_SECONDS)


class ServiceRunner:
    """The process of a service and the task that watches it."""

    def __init__(self, service: Service, on_start: Callable[[], None]) -> None:
        self.service = service
        self._on_start = on_start
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ready_at: float | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process; None without one."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Start the service and return once it is ready.

        Raises:
            ServiceFailed: it ended or was not ready in time, at every attempt.
        """
        delay = 0.0
        for attempt in range(1, self.service.start_attempts + 1):
            try:
                await self._bring_up()
                break
            except ServiceFailed:
                if attempt == self.service.start_attempts:
                    raise
                delay = next_delay_seconds(delay, alive=0.0)
                await asyncio.sleep(delay)
        self._watch = asyncio.create_task(self._keep_up(), name=f"keep {self.service.name}")

    async def kill(self) -> None:
        """SIGKILL the service; it stays down until `restart`."""
        await self._stop_watching()
        if self._process is not None:
            kill_session(self._process)
            await self._process.wait()

    async def restart(self) -> None:
        """Kill the service if it runs, and start it again on the same address."""
        await self.kill()
        await self.start()

    async def stop(self) -> None:
        """Stop the service: its stop signal, then SIGKILL after `STOP_SECONDS`."""
        await self._stop_watching()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.service.stop_signal)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            _log.warning("%s did not stop within %g s: killed", self.service.name, STOP_SECONDS)
            kill_session(process)
            await process.wait()

    async def _stop_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait([watch])

    async def _bring_up(self) -> None:
        service = self.service
        self._ready_at = None
        log_bytes = _roll(service.log)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(open_private(service.log, append), "ab") as output:
            process = self._process = await spawn(service, stdout=output, stderr=output)
        try:
            async with asyncio.timeout(service.ready_seconds):
                # In this order: another process on the port may have answered the probe.
                while not (await service.ready() and process.returncode is None):
                    if process.returncode is not None:
                        what = f"{exit_text(process)} before it was ready"
                        raise ServiceFailed(service.name, what, log_tail(service.log, log_bytes))
                    await asyncio.sleep(READY_POLL_SECONDS)
        except TimeoutError:
            kill_session(process)
            await process.wait()
            what = f"was not ready within {service.ready_seconds:g} s"
            raise ServiceFailed(service.name, what, log_tail(service.log, log_bytes)) from None
        self._ready_at = asyncio.get_running_loop().time()
        self._on_start()

    async def _keep_up(self) -> None:
        name, delay = self.service.name, 0.0
        while True:
            if self._process is not None:
                await self._process.wait()
                _log.warning("%s %s", name, exit_text(self._process))
            delay = next_delay_seconds(delay, self._alive_seconds())
            _log.info("%s starts again in %g s", name, delay)
            await asyncio.sleep(delay)
            try:
                await self._bring_up()
            except ServiceFailed as failure:
                _log.warning("%s", failure)
            except Exception:  # noqa: BLE001  # a full disk or process table may pass
                _log.exception("%s could not be started", name)

    def _alive_seconds(self) -> float:
        return 0.0 if self._ready_at is None else asyncio.get_running_loop().time() - self._ready_at


def _roll(log: Path) -> int:
    """Rotate a log that is too long; returns its length in bytes."""
    length = log.lstat().st_size if os.path.lexists(log) else 0
    if length <= log_rotation.LOG_MAX_BYTES:
        return length
    log_rotation.rotate_log(log)
    return 0
