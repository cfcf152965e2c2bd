"""The console script `cqar-writer`, which may be there without what it needs."""

from __future__ import annotations

from shared import extras


def main() -> None:
    extras.run("writer.__main__:main", "writer")
