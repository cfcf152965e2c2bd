"""Builds the requests of writes from Python's values, and reads what came of them. No I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from cqc.services.v1 import asset_registry_pb2 as rpb
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from cqar.sdk.decimal_input import written_decimal
from cqar.sdk.errors import InvalidRequest
from cqar.sdk.questions import REGISTRY, Question
from cqar.sdk.shown_result import ShownResult
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KINDS

T_co = TypeVar("T_co", bound=Entity | None, covariant=True)
_METHODS: Final = rpb.DESCRIPTOR.services_by_name["AssetRegistry"].methods_by_name
_KIND_OF: Final[Mapping[str, AnyKind]] = {k.message.DESCRIPTOR.full_name: k for k in KINDS}
#: Method -> parameter -> the request's field of another name.
RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "CreateChain": {
        "chain_id": "id",
        "network_id": "chain_id",
        "explorer_url": "block_explorer_url",
    }
}
#: Texts that are decimals, outside `exact`.
_DECIMALS: Final = frozenset({"weight_exact", "conversion_rate"})
_WELL_KNOWN: Final = "google.protobuf"


class Written(ShownResult, Generic[T_co], frozen=True):
    """What a write made.

    Attributes:
        entity: The entity as it is now; None of what was removed, and of a group's member.
        revision: The registry's, at which it is so.
    """

    entity: T_co
    revision: int


def write_question(rpc: str, values: Mapping[str, Any]) -> Question[Written[Any]]:
    """The call of a method that changes something.

    Args:
        values: By field, those of `exact` by their own names; None: not given.

    Raises:
        InvalidRequest: A value is none that the field can have; the text names the field.
    """
    method = _METHODS[rpc]
    request: Any = message_factory.GetMessageClass(method.input_type)()
    fields = method.input_type.fields_by_name
    renamed = RENAMED.get(rpc, {})
    for parameter, value in values.items():
        if value is None:
            continue
        name = renamed.get(parameter, parameter)
        owner, field = request, fields.get(name)
        exact = fields.get("exact")
        if (
            exact is not None
            and exact.message_type is not None
            and (field is None or field.type == FieldDescriptor.TYPE_DOUBLE)
        ):
            owner, field = request.exact, exact.message_type.fields_by_name[name]
        assert field is not None, name
        try:
            is_decimal = owner is not request or field.name in _DECIMALS
            _set(owner, field, written_decimal(value) if is_decimal else value)
        except (TypeError, ValueError, json_format.ParseError) as error:
            raise InvalidRequest(f"{parameter}: {error}") from error
    response = message_factory.GetMessageClass(method.output_type)
    return Question(REGISTRY, rpc, request, response, _written)


def _set(owner: Any, field: FieldDescriptor, value: Any) -> None:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        getattr(owner, field.name).update(value)
    elif field.is_repeated:
        target = getattr(owner, field.name)
        for one in value:
            if message is not None:
                target.add().CopyFrom(_message(message, one))
            else:
                target.append(_scalar(field, one))
    elif message is not None:
        getattr(owner, field.name).CopyFrom(_message(message, value))
    else:
        setattr(owner, field.name, _scalar(field, value))


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return _number(field.enum_type, value)
    if field.type != FieldDescriptor.TYPE_STRING:
        return value
    if isinstance(value, Decimal):
        return written_decimal(value)
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _message(descriptor: Descriptor, value: Any) -> Message:
    """A message of a mapping or a struct; of a struct, what is None is not given."""
    made: Any = message_factory.GetMessageClass(descriptor)()
    if isinstance(value, Message):
        made.CopyFrom(value)
    elif isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: give one, such as dt.UTC")
        made.FromDatetime(value)
    elif descriptor.file.package == _WELL_KNOWN:
        json_format.ParseDict(value, made)
    else:
        given = msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else value
        for name, one in dict(given).items():
            field = descriptor.fields_by_name.get(name)
            if field is None:
                known = ", ".join(descriptor.fields_by_name)
                raise ValueError(f"{name!r} is none of {known}")
            if one is not None:
                _set(made, field, one)
    return cast("Message", made)


def _number(enum: Any, word: Any) -> int:
    """The number of an enum's value, by its name in any case, with its type's prefix or without."""
    if isinstance(word, int) and word in enum.values_by_number:
        return int(word)
    first = enum.values[0].name
    prefix = first[: first.rfind("_") + 1]
    name = str(getattr(word, "name", word)).upper().replace("-", "_").replace(" ", "_")
    for candidate in (name, prefix + name):
        found = enum.values_by_name.get(candidate)
        if found is not None:
            return int(found.number)
    known = ", ".join(v.name.removeprefix(prefix).lower() for v in enum.values if v.number)
    raise ValueError(f"{word!r} is none of {known}")


def _written(answer: Any) -> Written[Any]:
    for field, message in answer.ListFields():
        kind = _KIND_OF.get(field.message_type.full_name) if field.message_type else None
        if kind is not None:
            # What is computed of the others is computed again.
            for name in kind.derived:
                message.ClearField(name)
            return Written(entity_codec.from_message(kind, message), answer.revision)
    return Written(None, answer.revision)
