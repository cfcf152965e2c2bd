"""The console script `cqar-reconciler`; it says which extra to install if a package is missing."""

from __future__ import annotations

import sys

from cqar_shared.errors import StartupError
from cqar_shared.runtime.optional_extras import require_extra


def main() -> None:
    """Run the command line. If it cannot start, print why and exit with 1."""
    try:
        require_extra("cqar.reconciler.__main__", "this program", "reconciler").main()
    except StartupError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
