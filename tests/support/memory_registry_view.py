"""What rules look at, held in a dictionary: `cqar_shared.domain.kind.Seen` as a test states it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.errors import FieldViolation
from tests.support.entity_builders import NOW

KIND_OF: dict[type[Entity], AnyKind] = {kind.entity: kind for kind in KINDS}


class Held:
    """The registry as of a change."""

    def __init__(
        self,
        *entities: Entity,
        now: dt.datetime = NOW,
        historical: bool = False,
        as_of: dt.datetime | None = None,
        confirms: bool = False,
    ) -> None:
        self.now = now
        self.historical = historical
        self.as_of = as_of
        self.confirms = confirms
        self._entities = [(KIND_OF[type(entity)], entity) for entity in entities]

    def get(self, kind: str, key: str) -> Any | None:
        found = (e for k, e in self._entities if k.name == kind and k.key_of(e) == key)
        return next(found, None)

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[Any]:
        values_of = KIND_BY_NAME[kind].lookups[lookup].values_of
        return (e for k, e in self._entities if k.name == kind and values in values_of(e))


def completed(after: Entity, held: Held | None = None, before: Entity | None = None) -> Any:
    return KIND_OF[type(after)].complete(before, after, held or Held())


def findings(
    after: Entity, held: Held | None = None, before: Entity | None = None
) -> set[tuple[str, str]]:
    """(field, reason) of everything wrong with replacing `before` by `after`."""
    held = held or Held()
    kind = KIND_OF[type(after)]
    found: Iterable[FieldViolation] = kind.check(before, completed(after, held, before), held)
    return {(v.field, v.reason) for v in found}


def changed(entity: Entity, **changes: Any) -> Any:
    return msgspec.structs.replace(entity, **changes)
