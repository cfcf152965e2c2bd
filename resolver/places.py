"""Under which values a snapshot finds entities, and how it files them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.entities import KIND_BY_NAME
from shared.kind import Lookup

#: The lookups that a snapshot keeps, of all that kinds declare; each costs memory.
KEPT: Final = (
    ("venue_symbol", "spelling"),
    ("venue_symbol", "symbol"),
    ("venue_asset", "code"),
    ("asset_deployment", "address"),
    ("asset_deployment", "asset"),
    ("asset_identifier", "external_id"),
    ("quality_flag", "asset"),
    ("asset_group", "name"),
    ("asset_identifier", "asset"),
    ("symbol_identifier", "symbol"),
    ("api_key", "hash"),
    ("archive", "entity"),
    ("archive", "spelling"),
)
#: Kind -> lookup -> how a message is found; its fields have the names of the entity's.
INDEXES: Final[dict[str, dict[str, Lookup[Any]]]] = {}
for _kind, _lookup in KEPT:
    INDEXES.setdefault(_kind, {})[_lookup] = KIND_BY_NAME[_kind].lookups[_lookup]

#: An index, which is a kind's lookup, and values as text.
Place = tuple[str, str]


def places_of(kind: str, payload: bytes, *, check: bool = False) -> Iterator[Place]:
    """Yield (index, value) under which an entity is found. Kinds unknown here have none.

    Args:
        check: Whether the payload is read also where no index asks for it.
    """
    lookups = INDEXES.get(kind, {})
    if kind not in KIND_BY_NAME or not (lookups or check):
        return
    message: Any = KIND_BY_NAME[kind].message.FromString(payload)
    for name, lookup in lookups.items():
        for values in lookup.values_of(message):
            yield f"{kind}.{name}", place_of(values)


def place_of(values: Iterable[object]) -> str:
    return "\0".join(map(str, values))
