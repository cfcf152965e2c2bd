"""The console script `cqar-resolver`, which may be there without what it needs."""

from __future__ import annotations

from shared import extras


def main() -> None:
    extras.run("resolver.__main__:main", "resolver")
