"""Tables of fields and values, and which types a service reaches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tools.api_docs.contract import Contract, Enum, Field, Message

_WELL_KNOWN: Final = {
    "google.protobuf.Timestamp": "Timestamp",
    "google.protobuf.Struct": "Struct",
}


def fields_table(contract: Contract, name: str, *, streams: bool = False) -> str:
    """A request's or an answer's fields."""
    message = contract.messages[name]
    title = f"`{'stream ' if streams else ''}{name.rpartition('.')[2]}`"
    if message.comment:
        title += f": {message.comment}"
    return f"{title}\n\n{_fields(contract, message)}" if message.fields else f"{title} is empty."


def type_section(contract: Contract, name: str) -> str:
    """A message or enum under a heading of its full name."""
    known = contract.messages.get(name) or contract.enums[name]
    table = _values(known) if isinstance(known, Enum) else _fields(contract, known)
    parts = [f"### {name}", known.comment, table if _members(known) else "It has no fields."]
    return "\n\n".join(part for part in parts if part)


def _members(known: Message | Enum) -> bool:
    return bool(known.values if isinstance(known, Enum) else known.fields)


def _fields(contract: Contract, message: Message) -> str:
    rows = [
        f"| {field.name} | {field.number} | {_type(contract, field)} | {field.label}"
        f" | {_cell(field.comment)} |"
        for field in message.fields
    ]
    return "\n".join(["| field | no. | type | label | |", "|---|---|---|---|---|", *rows])


def _values(enum: Enum) -> str:
    rows = [f"| {v.name} | {v.number} | {_cell(v.comment)} |" for v in enum.values]
    return "\n".join(["| value | no. | |", "|---|---|---|", *rows])


def _type(contract: Contract, field: Field) -> str:
    if field.type in _WELL_KNOWN:
        return _WELL_KNOWN[field.type]
    if field.type in contract.messages or field.type in contract.enums:
        return f"[{field.type.rpartition('.')[2]}](#{anchor(field.type)})"
    return field.type.replace("<", "&lt;")


def anchor(heading: str) -> str:
    """How a heading is linked to: GitHub drops punctuation and lowers letters."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def reached(contract: Contract, names: Iterable[str]) -> list[str]:
    """The types that messages are made of, directly or not, besides themselves; by name."""
    own = set(names)
    found: set[str] = set()
    waiting = list(own)
    while waiting:
        message = contract.messages.get(waiting.pop())
        for field in message.fields if message else ():
            if field.type not in found and (
                field.type in contract.messages or field.type in contract.enums
            ):
                found.add(field.type)
                waiting.append(field.type)
    return sorted(found - own)
