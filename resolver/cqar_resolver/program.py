"""The console script `cqar-resolver`, which may be there without what it needs."""

from __future__ import annotations

from cqar_shared.runtime import optional_extras


def main() -> None:
    optional_extras.run("cqar_resolver.__main__:main", "resolver")
