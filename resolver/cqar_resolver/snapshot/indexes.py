"""Under which values a snapshot finds entities, and how it files them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

from cqar_shared.domain.kind import Lookup
from cqar_shared.domain.kinds import KIND_BY_NAME

#: The lookups that a snapshot keeps, of all that kinds declare; each costs memory.
SNAPSHOT_INDEXES: Final = (
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
for _kind, _lookup in SNAPSHOT_INDEXES:
    INDEXES.setdefault(_kind, {})[_lookup] = KIND_BY_NAME[_kind].lookups[_lookup]

#: An index, which is a kind's lookup, and values as text.
IndexEntry = tuple[str, str]


def index_entries(kind: str, payload: bytes, *, check: bool = False) -> Iterable[IndexEntry]:
    """(index, value) under which an entity is found. Kinds unknown here have none.

    Args:
        check: Whether the payload is read also where no index asks for it.
    """
    filed = _FILED.get(kind, ())
    if kind not in KIND_BY_NAME or not (filed or check):
        return ()
    message: Any = KIND_BY_NAME[kind].message.FromString(payload)
    found = []
    for index, simple, lookup in filed:
        if simple is not None:
            values = simple(message)
            found.append((index, values if type(values) is str else join_values(values)))
        else:
            found += [(index, join_values(values)) for values in lookup.values_of(message)]
    return found


def indexes_of(kind: str) -> tuple[str, ...]:
    """Those that its entities are filed in."""
    return tuple(index for index, _, _ in _FILED.get(kind, ()))


def _simple(lookup: Lookup[Any]) -> Callable[[Any], Any] | None:
    """Reads the one tuple of values, or the one value, that most entities are found under."""
    return attrgetter(*lookup.columns) if lookup.values is None else None


#: Kind -> for each of its lookups its index, how it is read at once, and the lookup.
_FILED: Final = {
    kind: tuple((f"{kind}.{name}", _simple(lookup), lookup) for name, lookup in lookups.items())
    for kind, lookups in INDEXES.items()
}


#: Indexes whose value is the key of another entity, and the kinds of those.
REFERRING: Final = {
    f"{kind}.{name}": KIND_BY_NAME[kind].referents[lookup.columns[0]]
    for kind, lookups in INDEXES.items()
    for name, lookup in lookups.items()
    if len(lookup.columns) == 1 and lookup.columns[0] in KIND_BY_NAME[kind].referents
}
REFERRED: Final = frozenset(REFERRING.values())
#: Kind -> such an index of it.
GROUPED: Final = {index.partition(".")[0]: index for index in REFERRING}


def join_values(values: object) -> str:
    """Values as text; a single one that is no text may stand for itself."""
    return "\0".join(map(str, values if isinstance(values, tuple) else (values,)))


def split_values(value: str) -> list[str]:
    """The values that `place_of` joined, as text."""
    return value.split("\0")
