"""Answers as rows of text, in the words that the options have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cqar.cli.nouns.field_names import enum_word, option_word
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.nouns.id_lookup import referenced_kind
from cqar.cli.nouns.model import Noun

#: What of a part is shown in one line.
_PARTS: Final = {
    "AssetGroupMember": ("asset_id", "weight_exact"),
    "AssetQualityFlag": ("flag_type", "severity", "reason", "flag_id"),
    "TickBand": ("from_price", "tick_size"),
}

Cell = tuple[FieldDescriptor, Any]


def detail_rows(noun: Noun, answer: Message, names: IdLabels) -> list[tuple[str, str]]:
    """(field, value) of all that an answer holds, references with their names; each part a row."""
    cells = list(_cells(answer, noun))
    names.learn(ref for _, cell in cells for ref in _refs(noun, *cell))
    return [(title, text) for title, cell in cells for text in _texts(noun, *cell, names)]


def list_rows(
    noun: Noun, entities: list[Any], names: IdLabels
) -> tuple[list[str], list[list[str]]]:
    """The columns of a list, and its rows; references by their names where they have one."""
    if not entities:
        return [], []
    known = entities[0].DESCRIPTOR.fields_by_name
    paths = [path for path in noun.columns.split() if path.partition(".")[0] in known]
    table = [[_cell_at(entity, path) for path in paths] for entity in entities]
    names.learn(
        (kind, value)
        for row in table
        for field, value in row
        if (kind := _reference(noun, field)) and value
    )
    titles = [_title(noun, field) for field, _ in table[0]]
    return titles, [[_brief(noun, *cell, names) for cell in row] for row in table]


def _cells(message: Message, noun: Noun, within: str = "") -> Iterator[tuple[str, Cell]]:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_DOUBLE or field.name == "revision":
            continue
        if _holds_fields(field):
            own = field.name in ("exact", noun.one)
            yield from _cells(value, noun, within if own else field.name)
        elif within:
            # A symbol's symbol_id is "symbol id", its symbol "symbol".
            known = {f"{within}_id": "id", within: ""}
            rest = known.get(field.name, option_word(field, within).replace("-", " "))
            yield f"{within} {rest}".strip(), (field, value)
        else:
            yield _title(noun, field), (field, value)


def _holds_fields(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and not field.is_repeated and kind.file.package != "google.protobuf"


def _title(noun: Noun, field: FieldDescriptor) -> str:
    return "id" if field.name == noun.id else option_word(field, noun.name).replace("-", " ")


def _cell_at(entity: Any, path: str) -> Cell:
    owner, _, last = path.rpartition(".")
    for name in owner.split(".") if owner else ():
        entity = getattr(entity, name)
    field = entity.DESCRIPTOR.fields_by_name[last]
    given = not field.has_presence or entity.HasField(last)
    return field, getattr(entity, last) if given else None


def _reference(noun: Noun, field: FieldDescriptor) -> str:
    return "" if field.name == noun.id else referenced_kind(field)


def _refs(noun: Noun, field: FieldDescriptor, value: Any) -> Iterator[tuple[str, str]]:
    if kind := _reference(noun, field):
        yield kind, value
    elif field.is_repeated and field.message_type is not None:
        for part in value:
            for inner, inner_value in part.ListFields():
                yield from _refs(noun, inner, inner_value)


def _texts(noun: Noun, field: FieldDescriptor, value: Any, names: IdLabels) -> list[str]:
    """A value whole: a reference as its id and its name, parts one by one."""
    if field.is_repeated:
        return [_part(noun, field, part, names) for part in value]
    name = names.get(_reference(noun, field), value) if field.type == field.TYPE_STRING else ""
    return [f"{value} ({name})" if name else _plain(field, value)]


def _brief(noun: Noun, field: FieldDescriptor, value: Any, names: IdLabels) -> str:
    """A value in a list's cell: a reference as its name, parts as their number."""
    if value is None:
        return ""
    if field.is_repeated:
        return str(len(value)) if field.message_type is not None else ", ".join(value)
    kind = _reference(noun, field)
    return (kind and names.get(kind, value)) or _plain(field, value)


def _part(noun: Noun, field: FieldDescriptor, part: Any, names: IdLabels) -> str:
    if field.message_type is None:
        return _plain(field, part)
    cells = (_cell_at(part, name) for name in _PARTS[field.message_type.name])
    return " ".join(text for cell in cells if (text := _brief(noun, *cell, names)))


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
