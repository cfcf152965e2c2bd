"""The fields in which two states of an entity differ, as text for a history, plan or table."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from cqar_shared.domain import decimals
from cqar_shared.domain.kind import Entity

#: Length at which a value is shortened. The entity has the whole value.
SHOWN_CHARS_MAX: Final = 500

#: Times that the registry keeps; their changes are not shown.
_KEPT_TIMES: Final = frozenset({"updated_at", "terms_since", "terms_stated_at"})


def visible_diff(before: Entity | None, after: Entity | None) -> Iterator[tuple[str, str, str]]:
    """Like `differences`, without the times that the registry keeps."""
    return (diff for diff in differences(before, after) if diff[0] not in _KEPT_TIMES)


def differences(before: Entity | None, after: Entity | None) -> Iterator[tuple[str, str, str]]:
    """Yield (field, text before, text after) for every field that differs."""
    known = after or before
    names = known.__struct_fields__ if known is not None else ()
    nothing = (None,) * len(names)
    ones, others = (astuple(entity) if entity else nothing for entity in (before, after))
    for name, one, other in zip(names, ones, others, strict=True):
        if one != other:
            yield name, value_text(one), value_text(other)


def shortened(text: str) -> str:
    """Shorten a text to `SHOWN_CHARS_MAX`, and say how long it was."""
    if len(text) <= SHOWN_CHARS_MAX:
        return text
    return f"{text[:SHOWN_CHARS_MAX]}… ({len(text)} characters)"


def value_text(value: Any) -> str:
    if value in (None, (), ""):
        return ""
    if isinstance(value, Decimal):
        return decimals.plain(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
