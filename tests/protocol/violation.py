"""What a schedule must never bring about."""

from __future__ import annotations


class Violation(AssertionError):
    """An invariant does not hold. `number` is protocol.md's; 0 for what it only implies."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(number, what)
        self.number = number

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.args[1]}"


def require(holds: bool, number: int, what: str, *facts: object) -> None:
    if not holds:
        raise Violation(number, " ".join((what, *map(str, facts))))
