"""Starts a stack in the background, and stops it."""

import os
import signal
import sys
import time
from pathlib import Path

from cqar.embedded import process_identity
from cqar.embedded.account import state_mode
from cqar.embedded.endpoints import Endpoints, read_endpoints
from cqar.embedded.failures import EmbeddedError, ServiceFailed, StackNotRunning
from cqar.embedded.lock import hold_lock, holder, signal_holder
from cqar.embedded.private_files import make_private_folder, open_private
from cqar.embedded.process import is_running, log_tail

START_SECONDS = 120.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.05


def detach(state_dir: Path, resolvers: int = 2) -> Endpoints:
    """Start a stack in its own session and return once it is ready.

    Raises:
        ServiceFailed: the stack did not start; has the end of its log, STATE/logs/stack.log.
        StackAlreadyRunning: another stack holds the state folder.
        UnsafePath: the state folder is not this user's alone.
    """
    state_dir = make_private_folder(state_dir, state_mode())
    with hold_lock(state_dir):  # so that the caller gets the error, not only the log
        pass
    log = make_private_folder(state_dir / "logs") / "stack.log"
    since_bytes = log.stat().st_size if log.exists() else 0
    pid = _spawn(state_dir, resolvers, log)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            endpoints = read_endpoints(state_dir)
        except StackNotRunning:
            pass
        else:
            if endpoints.pids["supervisor"] == pid:
                return endpoints
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            what = f"ended with status {os.waitstatus_to_exitcode(status)} before it was ready"
            raise ServiceFailed("the stack", what, log_tail(log, since_bytes))
        time.sleep(POLL_SECONDS)
    os.kill(pid, signal.SIGTERM)
    what = f"was not ready within {START_SECONDS:g} s"
    raise ServiceFailed("the stack", what, log_tail(log, since_bytes))


def shut_down(state_dir: Path) -> None:
    """Stop the stack of this state folder and return once it has ended.

    Raises:
        StackNotRunning: nobody holds the folder's lock.
        UnsafePath: the state folder is not this user's alone.
        EmbeddedError: the lock does not name its holder, or the stack did not stop in time.
    """
    known = signal_holder(state_dir, signal.SIGTERM)
    if known is None:
        raise StackNotRunning(state_dir, "nobody holds its lock")
    pid = known.pid
    deadline = time.monotonic() + STOP_SECONDS
    while holder(state_dir) == pid or (
        is_running(pid) and process_identity.start_ticks(pid) == known.start_ticks
    ):
        if time.monotonic() > deadline:
            message = f"process {pid} did not stop within {STOP_SECONDS:g} s: see {state_dir}/logs"
            raise EmbeddedError(message)
        time.sleep(POLL_SECONDS)


def _spawn(state_dir: Path, resolvers: int, log: Path) -> int:
    # Popen would warn that this process ends without waiting for its child, as it must here.
    argv = [sys.executable, "-m", "cqar.embedded.main", "--state", str(state_dir)]
    argv += ["--resolvers", str(resolvers)]
    output = open_private(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        return os.posix_spawn(
            sys.executable,
            argv,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)
