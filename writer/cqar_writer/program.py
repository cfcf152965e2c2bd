"""The console script `cqar-writer`; it says which extra to install if a package is missing."""

from __future__ import annotations

import sys

from cqar_shared.errors import StartupError
from cqar_shared.runtime.optional_extras import require_extra


def main() -> None:
    """Run the command line. If it cannot start, print why and exit with 1."""
    try:
        require_extra("cqar_writer.__main__", "this program", "writer").main()
    except StartupError as error:
        sys.exit(str(error))
