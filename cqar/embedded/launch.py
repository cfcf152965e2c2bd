"""The last step before a supervised program: drop privileges, tie its life to its parent, exec.

Run as a script, `python -I -S launch.py --parent PID [--uid N --gid N] --signal N -- argv…`: it
takes 20 ms and, since it execs, the process id the supervisor holds is the program's own.

It exists because of an order that `preexec_fn` cannot keep: the kernel forgets the parent-death
signal when the user id changes, and `Popen(user=…)` changes it after `preexec_fn` has run.

The signal comes when the *thread* that started us ends, so supervisors run on the main thread.
It is Linux only; elsewhere a supervisor killed with SIGKILL leaves its services behind.
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
        os.chdir("/")  # the new account may not be able to name the folder we stand in
        os.setgroups([])
        os.setgid(options.gid)
        os.setuid(options.uid)
    if sys.platform == "linux":
        _die_with_parent(options.parent, options.signal)
    # Python ignores these two, and what is ignored stays ignored through exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execv(options.argv[0], options.argv)  # noqa: S606


def _die_with_parent(parent: int, signal_number: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before we asked to be told
        sys.exit("the supervisor is gone")


if __name__ == "__main__":
    main()
