"""What a command's exit code says: the same for every command, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DONE: Final = 0
#: A rule, a policy or a file was against it; or it was asked, and the answer was no.
REFUSED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
#: No server answers, or no stack runs.
NOT_REACHABLE: Final = 4
#: The key is missing, unknown, or may not.
DENIED: Final = 5
#: A plan or a comparison would change something.
WOULD_CHANGE: Final = 6
INTERRUPTED: Final = 130

#: gRPC's status -> exit code; another one is REFUSED.
BY_STATUS: Final[Mapping[str, int]] = {
    "NOT_FOUND": NOT_FOUND,
    "UNAVAILABLE": NOT_REACHABLE,
    "DEADLINE_EXCEEDED": NOT_REACHABLE,
    "UNAUTHENTICATED": DENIED,
    "PERMISSION_DENIED": DENIED,
}


def exit_code_of(error: Exception) -> int:
    """The exit code of an error whose text is for users."""
    return BY_STATUS.get(getattr(error, "code", ""), REFUSED)
