"""Which file of a folder a record is in, and in which order. Pure.

What belongs to a venue is in the venue's folder: a change of one venue is a change of few files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cqar.files.record_form import FILE_KINDS

_PLACE: Final = {kind.name: place for place, kind in enumerate(FILE_KINDS)}
#: Kind -> the name of its file, without its ending; a name with a slash is in a venue's folder.
_FILES: Final = {
    "asset": "assets",
    "chain": "chains",
    "asset_deployment": "deployments",
    "asset_identifier": "asset_identifiers",
    "asset_relationship": "relationships",
    "asset_group": "groups",
    "quality_flag": "flags",
    "venue": "venues",
    "symbol": "symbols",
    "symbol_identifier": "symbol_identifiers",
    "venue_asset": "{venue_id}/assets",
    "venue_symbol": "{venue_id}/listings",
}
#: What people read first, by which records of a kind are in order.
_ORDER: Final = (
    *("venue_id", "symbol", "name", "chain_id", "venue_symbol", "venue_asset_symbol"),
    *("address", "source", "data_source", "external_id", "listed_at"),
)


def file_of(record: Mapping[str, Any]) -> str:
    """The path of a record's file within a folder, without its ending."""
    return _FILES[record["kind"]].format(venue_id=record.get("venue_id", ""))


def order_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """By kind, what people read first, and at last by id."""
    told = tuple(str(record.get(field, "")) for field in _ORDER)
    ids = tuple(str(v) for name, v in record.items() if name.endswith("_id"))
    return (_PLACE[record["kind"]], told, ids)


def by_file(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """File -> its records, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(file_of(record), []).append(record)
    return found
