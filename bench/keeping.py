"""Results as files: one JSON document a subject, newest only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from bench.measured import Result

FOLDER: Final = Path(__file__).with_name("results")


def folder_of(*, quick: bool) -> Path:
    return FOLDER / "quick" if quick else FOLDER


def save(result: Result, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.subject}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return path


def read(folder: Path) -> dict[str, Result]:
    """Subject -> what was measured of it last."""
    found = (
        msgspec.json.decode(path.read_bytes(), type=Result)
        for path in sorted(folder.glob("*.json"))
    )
    return {result.subject: result for result in found}
