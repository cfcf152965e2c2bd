"""The installed version, for `--version`, /health/live and metrics."""

from __future__ import annotations

import importlib.metadata


def version() -> str:
    return importlib.metadata.version("cqar")
