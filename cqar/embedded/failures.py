"""What can go wrong with an embedded stack, each with a text that says what to do about it."""

from pathlib import Path


class EmbeddedError(Exception):
    """Anything this package raises on purpose; its text is meant for the person at the terminal."""


class WheelMissing(EmbeddedError):
    """A server's wheel is not installed, or does not hold the file we run."""


class ServiceFailed(EmbeddedError):
    """A service could not be started, or a one-shot command failed."""

    def __init__(self, name: str, what: str, log_tail: str) -> None:
        self.name = name
        self.log_tail = log_tail
        shown = f"; the last it said:\n{log_tail}" if log_tail else " and said nothing"
        super().__init__(f"{name} {what}{shown}")


class StackNotRunning(EmbeddedError):
    """There is no running stack in this state folder."""

    def __init__(self, state_dir: Path, why: str) -> None:
        super().__init__(
            f"no stack is running in {state_dir} ({why}): "
            f"start it with: cqar up --state {state_dir}"
        )


class StackAlreadyRunning(EmbeddedError):
    """Another supervisor holds this state folder."""

    def __init__(self, state_dir: Path, pid: int) -> None:
        self.pid = pid
        super().__init__(
            f"a stack is already running in {state_dir}, held by process {pid}: "
            f"stop it with: cqar down --state {state_dir}"
        )


class UnsafePath(EmbeddedError):
    """A file or folder is a link or somebody else's, so it is neither read nor written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}: remove it, or name another folder by --state")
