"""The rows of the bundled files, and the ids that follow from their slugs."""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec

from cqar.importer.stable_ids import catalogue_id

Row = dict[str, Any]


def read_table(name: str) -> list[Row]:
    text = resources.files(__package__).joinpath(f"{name}.json").read_bytes()
    rows: list[Row] = msgspec.json.decode(text)
    return rows


def asset_id(slug: str) -> str:
    return catalogue_id("asset", slug)
