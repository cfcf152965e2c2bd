"""Formats responses as table rows, with the options' labels as titles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from cqar.cli.nouns.field_names import enum_word, option_word
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.nouns.id_lookup import referenced_kind
from cqar.cli.nouns.model import Noun

#: Nested message -> its fields that are shown, in one line; of any other, all that it states.
_NESTED_FIELDS: Final = {
    "AssetGroupMember": ("asset_id", "weight_exact"),
    "AssetQualityFlag": ("flag_type", "severity", "reason", "flag_id"),
    "TickBand": ("from_price", "tick_size"),
}

Cell = tuple[FieldDescriptor, Any]


def detail_rows(noun: Noun, answer: Message, labels: IdLabels) -> list[tuple[str, str]]:
    """(title, value) for each field of a response; a repeated field has a row per item."""
    cells = list(_cells(answer, noun))
    labels.load(ref for _, cell in cells for ref in _refs(noun, *cell))
    return [(title, text) for title, cell in cells for text in _texts(noun, *cell, labels)]


def list_rows(
    noun: Noun, kind: Descriptor, entities: list[Any], labels: IdLabels
) -> tuple[list[str], list[list[str]]]:
    """The titles and rows of a list; ids are shown as labels if known.

    Args:
        kind: The type of the entities' messages.
    """
    columns = {path: _field_at(kind, path) for path in noun.columns.split()}
    paths = [path for path, field in columns.items() if field is not None]
    table = [[_cell_at(entity, path) for path in paths] for entity in entities]
    labels.load(
        (referred, value)
        for row in table
        for field, value in row
        if (referred := _reference(noun, field)) and value
    )
    titles = [_title(noun, field) for field in columns.values() if field is not None]
    return titles, [[_brief(noun, *cell, labels) for cell in row] for row in table]


def _cells(message: Message, noun: Noun, parent: str = "") -> Iterator[tuple[str, Cell]]:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_DOUBLE or field.name == "revision":
            continue
        if _holds_fields(field):
            is_own = field.name in ("exact", noun.entity_field)
            yield from _cells(value, noun, parent if is_own else field.name)
        elif parent:
            # A symbol's symbol_id is "symbol id", its symbol "symbol".
            own_titles = {f"{parent}_id": "id", parent: ""}
            title = own_titles.get(field.name, option_word(field, parent).replace("-", " "))
            yield f"{parent} {title}".strip(), (field, value)
        else:
            yield _title(noun, field), (field, value)


def _holds_fields(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and not field.is_repeated and kind.file.package != "google.protobuf"


def _title(noun: Noun, field: FieldDescriptor) -> str:
    return "id" if field.name == noun.id_field else option_word(field, noun.name).replace("-", " ")


def _field_at(kind: Descriptor, path: str) -> FieldDescriptor | None:
    """The field at a path of names; None where the message has none."""
    first, _, rest = path.partition(".")
    field = kind.fields_by_name.get(first)
    inner = field.message_type if field is not None and rest else None
    return _field_at(inner, rest) if inner is not None else field


def _cell_at(entity: Any, path: str) -> Cell:
    owner, _, last = path.rpartition(".")
    for name in owner.split(".") if owner else ():
        entity = getattr(entity, name)
    field = entity.DESCRIPTOR.fields_by_name[last]
    given = not field.has_presence or entity.HasField(last)
    return field, getattr(entity, last) if given else None


def _reference(noun: Noun, field: FieldDescriptor) -> str:
    return "" if field.name == noun.id_field else referenced_kind(field)


def _refs(noun: Noun, field: FieldDescriptor, value: Any) -> Iterator[tuple[str, str]]:
    if kind := _reference(noun, field):
        yield kind, value
    elif field.is_repeated and field.message_type is not None:
        for part in value:
            for inner, inner_value in part.ListFields():
                yield from _refs(noun, inner, inner_value)


def _texts(noun: Noun, field: FieldDescriptor, value: Any, labels: IdLabels) -> list[str]:
    """A value in full: a reference as id and name, a repeated field item by item."""
    if field.is_repeated:
        return [_part(noun, field, part, labels) for part in value]
    name = labels.get(_reference(noun, field), value) if field.type == field.TYPE_STRING else ""
    return [f"{value} ({name})" if name else _plain(field, value)]


def _brief(noun: Noun, field: FieldDescriptor, value: Any, labels: IdLabels) -> str:
    """A value in a list's cell: a reference as its name, nested messages as their number."""
    if value is None:
        return ""
    if field.is_repeated:
        return str(len(value)) if field.message_type is not None else ", ".join(value)
    kind = _reference(noun, field)
    return (kind and labels.get(kind, value)) or _plain(field, value)


def _part(noun: Noun, field: FieldDescriptor, part: Any, labels: IdLabels) -> str:
    if field.message_type is None:
        return _plain(field, part)
    known = tuple(inner.name for inner, _ in part.ListFields())
    cells = (_cell_at(part, name) for name in _NESTED_FIELDS.get(field.message_type.name, known))
    return " ".join(text for cell in cells if (text := _brief(noun, *cell, labels)))


def _plain(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        return enum_word(field.enum_type, value)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "yes" if value else "no"
    if field.message_type is None:
        return str(value)
    if field.message_type.name == "Timestamp":
        return str(value.ToJsonString())
    return msgspec.json.encode(json_format.MessageToDict(value)).decode()
