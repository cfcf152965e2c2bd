"""What this is, for `--version` and for those who ask a running process."""

from __future__ import annotations

import importlib.metadata


def version() -> str:
    return importlib.metadata.version("cqar")
