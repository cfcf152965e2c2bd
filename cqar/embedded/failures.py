"""Errors of an embedded stack; each text says what to do."""

from pathlib import Path


class EmbeddedError(Exception):
    """Parent of every error that this package raises on purpose; the text is for users."""


class WheelMissing(EmbeddedError):
    """A server's wheel is not installed or lacks the program."""


class ServiceFailed(EmbeddedError):
    """A service could not be started, or a one-shot command failed."""

    def __init__(self, name: str, what: str, log_tail: str) -> None:
        self.name = name
        self.log_tail = log_tail
        output = f"; its last output:\n{log_tail}" if log_tail else " without any output"
        super().__init__(f"{name} {what}{output}")


class StackNotRunning(EmbeddedError):
    """No stack is running in the state folder."""

    #: As gRPC says it of a server that does not answer.
    code = "UNAVAILABLE"

    def __init__(self, state_dir: Path, why: str) -> None:
        super().__init__(
            f"no stack is running in {state_dir} ({why}): "
            f"start it with: cqar up --state {state_dir}"
        )


class StackAlreadyRunning(EmbeddedError):
    """Another supervisor holds the state folder."""

    def __init__(self, state_dir: Path, pid: int) -> None:
        self.pid = pid
        super().__init__(
            f"a stack is already running in {state_dir}, held by process {pid}: "
            f"stop it with: cqar down --state {state_dir}"
        )


class UnsafePath(EmbeddedError):
    """A file or folder is not this user's alone, so it is neither read nor written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}: remove it, or name another folder by --state")
