"""Parameter types of fields: what a user may type, and what it becomes in the request."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import click
from cqc.venues.v1 import venue_asset_pb2, venue_symbol_pb2
from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from cqar.cli.nouns.field_names import enum_words
from cqar.cli.param_types import InstantParam

_INTEGERS: Final = {
    FieldDescriptor.TYPE_INT32: click.IntRange(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: click.IntRange(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: click.IntRange(0, 2**64 - 1),
}


class TextParam(click.ParamType[Any]):
    """Text that can be encoded as UTF-8."""

    name = "TEXT"

    def convert(self, value: Any, _: Any, __: Any) -> str:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            self.fail("the text is not valid UTF-8")
        return str(value)


class WordParam(TextParam):
    """A word that the registry has in capitals, such as a type of chain."""

    def convert(self, value: Any, _: Any, __: Any) -> str:
        return super().convert(value, None, None).upper()


class HeaderTextParam(click.ParamType[Any]):
    """Text that a call's metadata can carry."""

    name = "TEXT"

    def convert(self, value: Any, _: Any, __: Any) -> str:
        text = str(value)
        if not text or not text.isascii() or not text.isprintable():
            self.fail(f"{text!a}: use printable ASCII only, such as a UUID")
        return text


class EnumParam(click.Choice[str]):
    """A value of an enum, by its word; case does not matter, nor does `_` for `-`."""

    def __init__(self, enum: EnumDescriptor) -> None:
        self._numbers = enum_words(enum)
        super().__init__(list(self._numbers))

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        if isinstance(value, int):
            return value
        word = str(value).lower().replace("_", "-")
        return self._numbers[super().convert(word, parameter, context)]


class JsonObjectParam(click.ParamType[Any]):
    name = "JSON"

    def convert(self, value: Any, _: Any, __: Any) -> struct_pb2.Struct:
        if isinstance(value, struct_pb2.Struct):
            return value
        try:
            return json_format.Parse(str(value), struct_pb2.Struct())
        except (json_format.ParseError, RecursionError, UnicodeEncodeError):
            self.fail(f"""{value!r}: give a JSON object such as '{{"ccxt_id": "binance"}}'""")


class PairParam(click.ParamType[Any]):
    """Two fields of a nested message, joined by "=".

    Args:
        name: The form that help shows; a second part in brackets is optional.
        fields: The names of both fields.
    """

    def __init__(self, name: str, *fields: str) -> None:
        self.name = name
        self._fields = fields

    def convert(self, value: Any, _: Any, __: Any) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        text = TextParam().convert(value, None, None)
        first, equals, second = text.rpartition("=") if "=" in text else (text, "", "")
        if not first or (not second and (equals or "[" not in self.name)):
            self.fail(f"{text!r}: write it as {self.name}")
        parts = zip(self._fields, (first, second), strict=True)
        return {field: part for field, part in parts if part}


class MessageParam(click.ParamType[Any]):
    """A message as a JSON object, with the names of its fields."""

    name = "JSON"

    def __init__(self, message: type[Message]) -> None:
        self._message = message

    def convert(self, value: Any, _: Any, __: Any) -> Message:
        if isinstance(value, Message):
            return value
        try:
            return json_format.Parse(str(value), self._message())
        except (json_format.ParseError, RecursionError, UnicodeEncodeError) as error:
            self.fail(f"{value!r}: give a JSON object with fields of it: {error}")


#: Texts that are words in capitals, however they are typed.
_WORDS: Final = frozenset({"chain_type"})
#: Message types that a user types as one word.
_TYPES: Final[dict[str, click.ParamType[Any]]] = {
    "google.protobuf.Timestamp": InstantParam(),
    "google.protobuf.Struct": JsonObjectParam(),
    "cqc.assets.v1.AssetGroupMember": PairParam("ASSET[=WEIGHT]", "asset_id", "weight_exact"),
    "cqc.venues.v1.TickBand": PairParam("FROM=TICK", "from_price", "tick_size"),
    "cqc.venues.v1.ListingLeg": PairParam("SPELLING=RATIO", "venue_symbol", "ratio"),
    **{
        f"cqc.venues.v1.{message.DESCRIPTOR.name}": MessageParam(message)
        for message in (
            *(venue_symbol_pb2.TradingPhase, venue_symbol_pb2.ScheduledChange),
            *(venue_symbol_pb2.PermissionSet, venue_asset_pb2.VenueNetwork),
        )
    },
}


def param_type_of(field: FieldDescriptor) -> click.ParamType[Any]:
    """The parameter type of a field. Booleans are flags and have none."""
    if field.enum_type is not None:
        return EnumParam(field.enum_type)
    if field.message_type is not None:
        return _TYPES[field.message_type.full_name]
    if field.type == FieldDescriptor.TYPE_STRING:
        return WordParam() if field.name in _WORDS else TextParam()
    return _INTEGERS[field.type]


def set_field(request: Any, field: FieldDescriptor, value: Any) -> None:
    """Set a field of a message to a value that its parameter type has converted."""
    target = getattr(request, field.name)
    if field.is_repeated and field.message_type is not None:
        for one in value:
            if isinstance(one, Message):
                target.add().CopyFrom(one)
            else:
                target.add(**one)
    elif field.is_repeated:
        target.extend(value)
    elif isinstance(value, dt.datetime):
        target.FromDatetime(value)
    elif field.message_type is not None:
        target.CopyFrom(value)
    else:
        setattr(request, field.name, value)
