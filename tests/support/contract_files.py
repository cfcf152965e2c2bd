"""The CQC contract's tables, where they are at hand: ../shared beside the project."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def rows(name: str) -> list[dict[str, str]]:
    """One table; where the folder is absent, the module that asks is skipped and says so."""
    path = SHARED / "contract" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent: CQC's tables", allow_module_level=True)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
