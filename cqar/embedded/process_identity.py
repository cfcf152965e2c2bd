"""Identifies a process beyond its id: ids are reused, a start time within a boot is not.

A process is signalled through a descriptor that is opened before the process is checked, so the
signal goes to the process that was checked.
"""

import os
import signal
import sys
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process as it was recorded.

    `start_ticks` is when it started, in kernel ticks since the boot; 0 if unknown.
    """

    pid: int
    #: `began` in the lock file, which another release of CQAR may read.
    start_ticks: int = msgspec.field(name="began")
    boot: str


def this_process() -> ProcessIdentity:
    pid = os.getpid()
    return ProcessIdentity(pid, start_ticks(pid), boot_id())


def start_ticks(pid: int) -> int:
    """When a process started, in kernel ticks since the boot; 0 if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def holds_file(known: ProcessIdentity, opened: os.stat_result) -> bool:
    """Whether the process is the recorded one, belongs to this user, and has a file open.

    Args:
        opened: Status of the file. Only processes of the same user show their open files.
    """
    if sys.platform != "linux":
        return True
    if known.boot != boot_id() or known.start_ticks != start_ticks(known.pid):
        return False
    try:
        if Path(f"/proc/{known.pid}").stat().st_uid != os.geteuid():
            return False
        descriptors = list(Path(f"/proc/{known.pid}/fd").iterdir())
    except OSError:
        return False
    return any(_is_same(descriptor, opened) for descriptor in descriptors)


def _is_same(descriptor: Path, opened: os.stat_result) -> bool:
    try:
        info = descriptor.stat()
    except OSError:
        return False
    return (info.st_dev, info.st_ino) == (opened.st_dev, opened.st_ino)


def signal_process(known: ProcessIdentity, opened: os.stat_result, number: signal.Signals) -> bool:
    """Signal the process if it is the recorded one; returns whether it was."""
    if known.pid <= 0:  # the kernel would signal a group of processes
        return False
    if sys.platform != "linux":
        os.kill(known.pid, number)
        return True
    try:
        descriptor = os.pidfd_open(known.pid)
    except ProcessLookupError:
        return False
    try:
        if not holds_file(known, opened):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True
