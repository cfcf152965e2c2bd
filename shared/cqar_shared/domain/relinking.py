"""How merging assets, and taking a merge back, finds entities and states their changes. Pure."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import AnyKind, Entity, RegistryView
from cqar_shared.domain.kinds import KIND_BY_NAME

#: Entities that one merge changes: as many as one request may.
CHANGED_MAX: Final = 5_000


class Moved(NamedTuple):
    """An entity before and after a merge; None where it did not exist."""

    kind: str
    key: str
    before: Entity | None
    after: Entity | None


def relink(kind: AnyKind, entity: Entity, **changes: Any) -> Item:
    after = msgspec.structs.replace(entity, **changes)
    return Item(kind=kind, intent=ChangeIntent.RELINK, key=kind.key_of(after), given=after)


def remove(kind: AnyKind, entity: Entity) -> Item:
    return Item(kind=kind, intent=ChangeIntent.REMOVE, key=kind.key_of(entity))


def found(registry: RegistryView, kind: str, lookup: str, *values: Any) -> list[Any]:
    """Return what a lookup finds, in the order of keys; at most one more than may be changed."""
    entities = islice(registry.find(kind, lookup, *values), CHANGED_MAX + 1)
    return sorted(entities, key=KIND_BY_NAME[kind].key_of)
