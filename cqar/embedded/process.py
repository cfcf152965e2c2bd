"""Starts programs: every one goes through `spawn`, and none outlives this process."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from cqar.embedded import launch
from cqar.embedded.account import Account
from cqar.embedded.failures import ServiceFailed
from cqar_shared.runtime.key_masking import masked

LOG_TAIL_LINES = 20
LOG_TAIL_BYTES = 16 * 1024


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A program to run: absolute path, arguments, and its whole environment.

    `death_signal` is sent to it when this process dies.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    account: Account | None = None
    death_signal: int = signal.SIGKILL


async def spawn(
    command: Command, *, stdin: int = DEVNULL, stdout: int | IO[bytes], stderr: int | IO[bytes]
) -> Process:
    """Start a program in its own session, so that Ctrl-C reaches only the supervisor."""
    launcher = [sys.executable, "-I", "-S", launch.__file__, "--parent", str(os.getpid())]
    launcher += ["--signal", str(int(command.death_signal))]
    if command.account is not None:
        launcher += ["--uid", str(command.account.uid), "--gid", str(command.account.gid)]
    return await asyncio.create_subprocess_exec(
        *launcher,
        "--",
        *command.argv,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=dict(command.env),
        start_new_session=True,
    )


async def run_to_end(command: Command, *, stdin: bytes = b"", timeout_seconds: float) -> str:
    """Run a program to its end and return its standard output.

    Raises:
        ServiceFailed: it failed, with the end of its output, or did not end in time.
    """
    process = await spawn(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(timeout_seconds):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        what = f"did not end within {timeout_seconds:g} s"
        raise ServiceFailed(command.name, what, "") from None
    finally:
        if process.returncode is None:
            kill_session(process)
            await process.wait()
    if process.returncode != 0:
        output = (out + err).decode(errors="replace")
        raise ServiceFailed(command.name, exit_text(process), masked(last_lines(output)))
    return out.decode()


def kill_session(process: Process) -> None:
    """SIGKILL the process and its children, unless it has ended."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()  # it has not called setsid yet, or is a zombie


def is_running(pid: int) -> bool:
    """Whether a process is running; a zombie is not.

    A container's first process may never reap the zombies that it inherits.
    """
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:  # another user's process, or no /proc
        return True
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def exit_text(process: Process) -> str:
    code = process.returncode
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"exited with status {code}"


def last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-LOG_TAIL_LINES:])


def log_tail(log: Path, since_bytes: int = 0) -> str:
    """The last lines of a log after its first `since_bytes` bytes."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(since_bytes, end - LOG_TAIL_BYTES, 0))
            return last_lines(file.read().decode(errors="replace"))
    except FileNotFoundError:
        return ""
