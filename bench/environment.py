"""The environment that everything measured starts in."""

from __future__ import annotations

import os

from bench.machine import ROOT

#: With it each process would compile all that it imports anew.
_NOT_KEPT = "PYTHONDONTWRITEBYTECODE"


def environment(**settings: str) -> dict[str, str]:
    """This process's, and these."""
    own = {name: value for name, value in os.environ.items() if name != _NOT_KEPT}
    return {**own, "PYTHONPATH": str(ROOT), **settings}
