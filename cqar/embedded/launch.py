"""Launches a supervised program: drops privileges, requests a parent-death signal, execs.

It runs as a script, `python -I -S launch.py --parent PID [--uid N --gid N] --signal N -- argv…`. It
takes 20 ms, and because it execs, the supervisor has the program's own process id.

`preexec_fn` cannot do this in the right order: the kernel clears the parent-death signal when the
user id changes, and `Popen(user=…)` changes it after `preexec_fn` has run.

The signal is sent when the *thread* that started the program ends, so supervisors run on the main
thread. It exists on Linux only; elsewhere a supervisor killed with SIGKILL leaves its services
running.
"""

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="cqar.embedded.launch")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()
    if options.uid is not None:
        os.chdir("/")  # the new account may not be able to reach the current folder
        os.setgroups([])
        os.setgid(options.gid)
        os.setuid(options.uid)
    if sys.platform == "linux":
        _die_with_parent(options.parent, options.signal)
    # Python ignores these two signals, and exec would keep them ignored.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execv(options.argv[0], options.argv)  # noqa: S606


def _die_with_parent(parent: int, signal_number: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the request
        sys.exit("the supervisor is gone")


if __name__ == "__main__":
    main()
