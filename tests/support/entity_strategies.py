"""Hypothesis strategies for entities of any kind, read off the struct's field types."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import types
import typing
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from cqar_shared.domain.decimals import CHARS_MAX, plain
from cqar_shared.domain.kind import AnyKind, Entity

#: Everything that protobuf carries and PostgreSQL stores: no NUL, no lone surrogate.
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_INSTANTS = st.datetimes(
    dt.datetime(1900, 1, 1),  # noqa: DTZ001  (hypothesis adds the zone itself)
    dt.datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
_DECIMALS = (
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
    .map(lambda value: value + 0)
    .filter(lambda value: len(plain(value)) <= CHARS_MAX)
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of one field's type. An optional text or list is None or not empty."""
    if isinstance(hint, types.UnionType):
        (arm,) = (a for a in typing.get_args(hint) if a is not types.NoneType)
        given = values(arm)
        is_sized = arm is str or typing.get_origin(arm) is tuple
        return st.none() | (given.filter(bool) if is_sized else given)
    origin = typing.get_origin(hint) or hint
    if origin is tuple:
        return st.lists(values(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(_TEXT, _JSON, max_size=3)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    if issubclass(hint, msgspec.Struct):
        return structs(hint)
    return {
        str: _TEXT,
        bool: st.booleans(),
        int: st.integers(-(2**31), 2**31 - 1),
        Decimal: _DECIMALS,
        dt.datetime: _INSTANTS,
    }[hint]


@functools.cache
def structs(struct: type[Any], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Structs of any values but those `fixed`.

    Kept: tests ask anew with each example, and making the strategy takes longer than drawing.
    """
    hints = typing.get_type_hints(struct)
    fields = {name: values(hints[name]) for name in struct.__struct_fields__}
    return st.builds(struct, **{**fields, **fixed})


def entities(kind: AnyKind, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Entity]:
    """Any entity of a kind: what the codec must carry, whether or not the rules like it."""
    return structs(kind.entity, **fixed)
