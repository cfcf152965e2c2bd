"""What files would change in a registry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cqar.files.placed_record import PlacedRecord
from cqar.files.record_form import FILE_KINDS, KEPT, entity_of, record_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.near_names import did_you_mean

PROBLEMS_MAX: Final = 100
_KIND_BY_NAME: Final = {kind.name: kind for kind in FILE_KINDS}


class FileChange(NamedTuple):
    """One entity that a file states and the registry has otherwise, or has not.

    Attributes:
        key: Empty where the record has no id: the writer finds it, or makes one.
        before: The registry's record; None: there is none.
        after: The file's; None: it is removed.
        entity: What is to be sent; None: it is removed.
    """

    kind: AnyKind
    key: str
    place: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    entity: Entity | None

    @property
    def fields(self) -> list[tuple[str, Any, Any]]:
        """(field, before, after) of those that differ."""
        before, after = self.before or {}, self.after or {}
        names = [*after, *(name for name in before if name not in after)]
        return [
            (name, before.get(name), after.get(name))
            for name in names
            if before.get(name) != after.get(name)
        ]


class FileComparison(NamedTuple):
    """What files would change.

    Attributes:
        changes: By kind, each kind after those that it may refer to; then as the files have them.
        stated: (kind, key) of every record with a key.
        problems: What is wrong with records, at most PROBLEMS_MAX, for people.
    """

    changes: list[FileChange]
    unchanged: int
    stated: set[tuple[str, str]]
    problems: list[str]


def compare(
    wanted: Iterable[PlacedRecord], registry: Mapping[tuple[str, str], Any]
) -> FileComparison:
    """Compare records with a registry.

    Args:
        wanted: What files state: each an entity, whole.
        registry: (kind, key) -> the message that it has.
    """
    changes: list[FileChange] = []
    places: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    unchanged = 0
    for record in wanted:
        kind, entity = _read(record, problems)
        if kind is None or entity is None:
            if len(problems) >= PROBLEMS_MAX:
                break
            continue
        key = _key_of(kind, entity)
        if key and (first := places.setdefault((kind.name, key), record.place)) != record.place:
            problems.append(f"{record.place}: {kind.name} {key} stands in {first}, too")
            continue
        change = _change(kind, key, record.place, entity, registry.get((kind.name, key)))
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    order = {kind.name: place for place, kind in enumerate(FILE_KINDS)}
    # An alias comes after the spelling that it stands for.
    changes.sort(key=lambda c: (order[c.kind.name], bool(getattr(c.entity, "alias_of", None))))
    return FileComparison(changes, unchanged, set(places), problems)


def _read(record: PlacedRecord, problems: list[str]) -> tuple[AnyKind | None, Entity | None]:
    name = str(record.values.get("kind", ""))
    kind = _KIND_BY_NAME.get(name)
    if kind is None:
        known = did_you_mean(name, _KIND_BY_NAME) or f"(one of {', '.join(_KIND_BY_NAME)})"
        problems.append(f"{record.place}: there is no kind {name[:80]!r} {known}")
        return None, None
    entity, violations = entity_of(kind, record.values)
    problems += [f"{record.place}: {v.field}: {v.message}" for v in violations]
    return kind, entity


def _key_of(kind: AnyKind, entity: Entity) -> str:
    """The entity's key, or an empty text where a part of it is not given."""
    parts = [getattr(entity, name) for name in kind.key]
    return "/".join(parts) if all(parts) else ""


def _change(kind: AnyKind, key: str, place: str, entity: Any, message: Any) -> FileChange | None:
    """The change that a record makes; None if the registry has it so."""
    after = record_of(kind, entity_codec.to_message(kind, entity))
    if message is None:
        return FileChange(kind, key, place, None, after, entity)
    before = record_of(kind, message)
    if before == after:
        return None
    held = entity_codec.from_message(kind, message)
    kept = {name: getattr(held, name) for name in KEPT if name in held.__struct_fields__}
    return FileChange(kind, key, place, before, after, msgspec.structs.replace(entity, **kept))


def left_out(
    registry: Mapping[tuple[str, str], Any],
    stated: set[tuple[str, str]],
    scopes: Iterable[tuple[str, str]],
) -> Iterator[FileChange]:
    """What the registry has within scopes and no file states, what refers to others first.

    Args:
        scopes: (kind, venue); an empty venue: all of the kind.
    """
    scopes = set(scopes)
    for kind in reversed(FILE_KINDS):
        for (name, key), message in registry.items():
            if name != kind.name or (name, key) in stated:
                continue
            venue = getattr(message, "venue_id", "")
            if (name, "") in scopes or (name, venue) in scopes:
                yield FileChange(kind, key, "", record_of(kind, message), None, None)
