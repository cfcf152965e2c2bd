"""The CQC contract's tables, where they are at hand: ../shared beside the project."""

from __future__ import annotations

import csv
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"


def rows(name: str) -> list[dict[str, str]]:
    with (SHARED / "contract" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))
