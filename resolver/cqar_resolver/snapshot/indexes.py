"""The indexes of a snapshot, and the entries of an entity in them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

from cqar_shared.domain.kind import Lookup
from cqar_shared.domain.kinds import KIND_BY_NAME

#: The lookups that a snapshot indexes, of all that kinds declare; each costs memory.
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
    ("asset_relationship", "from"),
    ("symbol_identifier", "external_id"),
    ("symbol_identifier", "symbol"),
    ("chain", "caip2"),
    ("chain", "network"),
    ("api_key", "hash"),
    ("archive", "entity"),
    ("archive", "spelling"),
)
#: Kind -> name of the lookup -> lookup.
INDEXES: Final[dict[str, dict[str, Lookup[Any]]]] = {}
for _kind, _lookup in SNAPSHOT_INDEXES:
    INDEXES.setdefault(_kind, {})[_lookup] = KIND_BY_NAME[_kind].lookups[_lookup]

#: (index, value): the index is KIND.LOOKUP, the value is the joined text of the values.
IndexEntry = tuple[str, str]


def index_entries(kind: str, payload: bytes, *, check: bool = False) -> Iterable[IndexEntry]:
    """Return the index entries of an entity; kinds unknown to this release have none.

    Args:
        check: Parse the payload even if no index needs it.
    """
    readers = _READERS.get(kind, ())
    if kind not in KIND_BY_NAME or not (readers or check):
        return ()
    message: Any = KIND_BY_NAME[kind].message.FromString(payload)
    entries = []
    for index, simple, lookup in readers:
        if simple is not None:
            values = simple(message)
            entries.append((index, values if type(values) is str else join_values(values)))
        else:
            entries += [(index, join_values(values)) for values in lookup.values_of(message)]
    return entries


def indexes_of(kind: str) -> tuple[str, ...]:
    """List the indexes of a kind."""
    return tuple(index for index, _, _ in _READERS.get(kind, ()))


def _simple(lookup: Lookup[Any]) -> Callable[[Any], Any] | None:
    """A getter for lookups with exactly one entry per entity, which most are."""
    return attrgetter(*lookup.columns) if lookup.values is None else None


#: Kind -> (index, getter if it is simple, lookup) of each of its lookups.
_READERS: Final = {
    kind: tuple((f"{kind}.{name}", _simple(lookup), lookup) for name, lookup in lookups.items())
    for kind, lookups in INDEXES.items()
}
#: Index whose value is the key of another entity -> kind of that entity.
REFERENCE_INDEXES: Final = {
    f"{kind}.{name}": KIND_BY_NAME[kind].referents[lookup.columns[0]]
    for kind, lookups in INDEXES.items()
    for name, lookup in lookups.items()
    if len(lookup.columns) == 1 and lookup.columns[0] in KIND_BY_NAME[kind].referents
}
REFERENCED_KINDS: Final = frozenset(REFERENCE_INDEXES.values())
#: Kind -> its index in `REFERENCE_INDEXES`.
GROUPING_INDEXES: Final = {index.partition(".")[0]: index for index in REFERENCE_INDEXES}


def join_values(values: object) -> str:
    """Join values as text; a single value may come without a tuple."""
    return "\0".join(map(str, values if isinstance(values, tuple) else (values,)))


def split_values(value: str) -> list[str]:
    """Split what `join_values` joined, as text."""
    return value.split("\0")
