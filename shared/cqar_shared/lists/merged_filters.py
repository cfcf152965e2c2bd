"""What lists do about assets and symbols that were merged into others.

A filter by the id of a merged one asks for what is the other one's. The merged ones themselves are
in no list: they are found by their ids alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import MERGING
from cqar_shared.lists.filter_names import NAMED
from cqar_shared.lists.filters import EQUAL, Filter, only_unset
from cqar_shared.lists.presentation import BulkReader

MERGED_INTO: Final = "merged_into"


async def current_filters(
    reader: BulkReader, kind: AnyKind, filters: Sequence[Filter]
) -> list[Filter]:
    """Return the filters of a list with the ids that answer for those in them."""
    current = [await _current(reader, each) for each in filters]
    return [*current, only_unset(MERGED_INTO, MERGED_INTO)] if kind.name in MERGING else current


async def _current(reader: BulkReader, each: Filter) -> Filter:
    named = NAMED.get(each.field)
    if named is None or named.name not in MERGING or each.test is not EQUAL:
        return each
    return each._replace(value=await current_id(reader, named, each.value))


async def current_values(reader: BulkReader, where: Mapping[str, Any]) -> dict[str, Any]:
    """Return field -> value of a request with the ids that answer for those in it."""
    return {
        field: await current_id(reader, kind, value)
        if value and (kind := NAMED.get(field)) is not None and kind.name in MERGING
        else value
        for field, value in where.items()
    }


async def current_id(reader: BulkReader, kind: AnyKind, key: str) -> str:
    """Return the id that answers for an asset or a symbol: its own, or that of what it is now."""
    for message in await reader.get_many(kind, [key]):
        return message.merged_into or key
    return key
