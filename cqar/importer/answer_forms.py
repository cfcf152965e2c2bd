"""The form of a venue's answer: which fields its records have, of which types; and what changed.

Numbers are texts once an answer is decoded, so a text that looks like a number counts as one. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

#: Of one list or map, evenly spread, so many are looked at.
SAMPLE_MAX: Final = 500
DEPTH_MAX: Final = 8
#: Fields of one answer at all depths; Binance's largest has 200.
FIELDS_MAX: Final = 2_000
#: An object with so many keys, all of whose values are objects, is keyed by data.
MAP_KEYS: Final = 8
#: The same, whatever its values are.
WIDE_KEYS: Final = 256
NAME_CHARS_MAX: Final = 64
#: A field or a type that nearly all records had is part of the form.
NEARLY_ALL: Final = 0.9
#: Fewer records than this may all lack a field, or have null in it, by chance.
FEW: Final = 5

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")


class FieldForm(msgspec.Struct, kw_only=True):
    """What stands in one place of all records.

    Attributes:
        types: null, bool, number, text, object, map or list -> how often.
        fields: Of objects.
        items: Of lists and maps.
    """

    types: dict[str, int] = {}
    fields: dict[str, FieldForm] = {}
    items: FieldForm | None = None

    @property
    def count(self) -> int:
        return sum(self.types.values())


class AnswerForm(msgspec.Struct, kw_only=True):
    """The form of an answer, all its pages together.

    Attributes:
        sha256: Of the first page.
        taken_s: When it was taken, in seconds since 1970.
    """

    sha256: str
    taken_s: float
    whole: FieldForm


class FormDifference(NamedTuple):
    """A field that is gone, or of another type.

    Attributes:
        path: From the answer on, such as `symbols[].filters[].tickSize`.
        names: The keys of the path.
        before: The type that nearly all of its values had.
        after: That of most values now; None: the field is gone.
    """

    path: str
    names: tuple[str, ...]
    before: str
    after: str | None


class _Walk:
    """One walk through an answer; it ends at its bounds."""

    def __init__(self) -> None:
        self._left = FIELDS_MAX

    def note(self, form: FieldForm, value: Any, depth: int) -> None:
        kind = type_of(value)
        form.types[kind] = form.types.get(kind, 0) + 1
        if depth >= DEPTH_MAX or kind not in ("object", "map", "list"):
            return
        if kind == "object":
            for name, inner in value.items():
                if (child := self._child(form, name)) is not None:
                    self.note(child, inner, depth + 1)
            return
        if form.items is None:
            form.items = FieldForm()
        for inner in _sample(value if kind == "list" else value.values()):
            self.note(form.items, inner, depth + 1)

    def _child(self, form: FieldForm, name: str) -> FieldForm | None:
        name = str(name)[:NAME_CHARS_MAX]
        child = form.fields.get(name)
        if child is None and self._left > 0:
            self._left -= 1
            child = form.fields[name] = FieldForm()
        return child


def form_of(values: Iterable[Any]) -> FieldForm:
    """The form of an answer's pages."""
    form, walk = FieldForm(), _Walk()
    for value in values:
        walk.note(form, value, 0)
    return form


def type_of(value: Any) -> str:
    """The type of a decoded value, as forms name it; an empty text says as little as null."""
    if value is None or value == "":
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "number" if _NUMBER.fullmatch(value) else "text"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "map" if _is_map(value) else "object"
    return "number"


def _is_map(value: dict[str, Any]) -> bool:
    if len(value) > WIDE_KEYS:
        return True
    return len(value) >= MAP_KEYS and all(isinstance(inner, dict) for inner in value.values())


def _sample(values: Iterable[Any]) -> list[Any]:
    found = list(values)
    if len(found) <= SAMPLE_MAX:
        return found
    step = len(found) / SAMPLE_MAX
    return [found[int(place * step)] for place in range(SAMPLE_MAX)]


def records_in(form: FieldForm) -> int:
    """How many items the longest list or map has, up to `SAMPLE_MAX`: the records, most likely."""
    own = form.items.count if form.items is not None else 0
    inner = [*form.fields.values(), *([form.items] if form.items is not None else ())]
    return max([own, *map(records_in, inner)])


def differences(before: FieldForm, after: FieldForm) -> Iterator[FormDifference]:
    """What a form has no more: fields that nearly all records had, and their types.

    Of a field that is gone its own fields are not named, too.
    """
    yield from _differences(before, after, "", ())


def _differences(
    before: FieldForm, after: FieldForm, path: str, names: tuple[str, ...]
) -> Iterator[FormDifference]:
    had, has = before.types.get("object", 0), after.types.get("object", 0)
    if not (had and has) or ("[]" in path and min(had, has) < FEW):
        had = 0
    for name, old in before.fields.items() if had else ():
        new, own = after.fields.get(name), (*names, name)
        where = f"{path}.{name}" if path else name
        was = old.count / had
        if was >= NEARLY_ALL and (new.count if new else 0) / has < was / 2:
            yield FormDifference(where, own, _usual_type(old), None)
        elif new is not None:
            yield from _of_type(old, new, where, own)
            yield from _differences(old, new, where, own)
    if before.items is not None and after.items is not None:
        where = f"{path}[]"
        yield from _of_type(before.items, after.items, where, names)
        yield from _differences(before.items, after.items, where, names)


def _of_type(
    old: FieldForm, new: FieldForm, path: str, names: tuple[str, ...]
) -> Iterator[FormDifference]:
    if not (old.count and new.count):
        return
    was, becomes = _usual_type(old), _usual_type(new)
    share = _counts(old)[was] / old.count
    if was in ("null", becomes) or share < NEARLY_ALL or _counts(new).get(was):
        return
    if becomes == "null" and min(old.count, new.count) < FEW:
        return
    yield FormDifference(path, names, was, becomes)


def _counts(form: FieldForm) -> dict[str, int]:
    """Counts by type; a map is an object with many keys."""
    found: dict[str, int] = {}
    for kind, count in form.types.items():
        name = "object" if kind == "map" else kind
        found[name] = found.get(name, 0) + count
    return found


def _usual_type(form: FieldForm) -> str:
    counts = _counts(form)
    return max(counts, key=lambda kind: (counts[kind], kind)) if counts else "null"
