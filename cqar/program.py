"""The console script `cqar`, which may be there without what it needs."""

from __future__ import annotations

from shared import extras


def main() -> None:
    extras.run("cqar.cli:main", "cli")
