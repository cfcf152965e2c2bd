"""What a schedule must never bring about."""

from __future__ import annotations


class Violation(AssertionError):
    """An invariant does not hold. `number` is protocol.md's; 0 for what it only implies."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"invariant {number}: {what}")
        self.number = number


def require(holds: bool, number: int, what: str, *facts: object) -> None:  # noqa: FBT001
    if not holds:
        raise Violation(number, " ".join((what, *map(str, facts))))
