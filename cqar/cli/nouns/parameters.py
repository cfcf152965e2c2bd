"""The parameters of a command, read off its request's descriptor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import click
from cqc.services.v1 import asset_registry_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from cqar.cli.nouns.field_names import field_help, is_offered, option_word
from cqar.cli.nouns.field_types import param_type_of, set_field
from cqar.cli.nouns.id_lookup import IdLookup, referenced_kind
from cqar.cli.nouns.model import Noun, Verb

_SERVICE: Final = asset_registry_pb2.DESCRIPTOR.services_by_name["AssetRegistry"]


class FieldParameter(NamedTuple):
    """A parameter, and the field of the request that it fills.

    Attributes:
        within: The field that holds the message that has the field; empty for the request.
    """

    parameter: click.Parameter
    field: FieldDescriptor
    within: str = ""

    @property
    def name(self) -> str:
        return self.parameter.name or ""


def method_of(verb: Verb) -> MethodDescriptor:
    return _SERVICE.methods_by_name[verb.rpc]


def parameters_of(noun: Noun, verb: Verb) -> list[FieldParameter]:
    """What a command asks for: its arguments in their order, then an option a field."""
    request = method_of(verb).input_type
    found = []
    for name, required in verb.arguments.items():
        field = request.fields_by_name[name]
        found.append(FieldParameter(_argument(field, required=required), field))
    for field, within in offered_fields(request):
        if within or field.name not in verb.arguments:
            found.append(FieldParameter(_option(field, within, noun), field, within))
    return found


def offered_fields(request: Descriptor) -> Iterator[tuple[FieldDescriptor, str]]:
    """The fields that people can give; those of `exact` beside the others, and in its name."""
    for field in request.fields:
        if field.name == "exact" and field.message_type is not None:
            yield from ((part, field.name) for part in field.message_type.fields)
        elif is_offered(field):
            yield field, ""


def _argument(field: FieldDescriptor, *, required: bool) -> click.Argument:
    word = option_word(field).replace("-", "_").upper()
    metavar = word if required else f"[{word}]"
    return click.Argument(
        [field.name], type=param_type_of(field), required=required, metavar=metavar
    )


def _option(field: FieldDescriptor, within: str, noun: Noun) -> click.Option:
    word = option_word(field, noun.name)
    name = f"{within}_{field.name}" if within else field.name
    if field.type == FieldDescriptor.TYPE_BOOL:
        return click.Option(
            [name, f"--{word}/--no-{word}"], default=None, help=field_help(field), is_flag=True
        )
    return click.Option(
        [name, f"--{word}"],
        type=param_type_of(field),
        multiple=field.is_repeated,
        help=field_help(field),
    )


def fill_request(
    request: Message, wanted: list[FieldParameter], given: Mapping[str, Any], references: IdLookup
) -> None:
    """Set the request's fields that were given, and none besides.

    Raises:
        CallFailed: A name means nothing, or more than one thing.
    """
    for item in wanted:
        value = given.get(item.name)
        if value is None or value == ():
            continue
        owner = getattr(request, item.within) if item.within else request
        set_field(owner, item.field, _names_to_ids(item.field, value, references))


def _names_to_ids(field: FieldDescriptor, value: Any, references: IdLookup) -> Any:
    """The value, names of entities replaced by their ids."""
    if kind := referenced_kind(field):
        return references.id_of(kind, value)
    if field.is_repeated and field.message_type is not None:
        parts = field.message_type.fields_by_name
        return [
            {name: _names_to_ids(parts[name], part, references) for name, part in whole.items()}
            for whole in value
        ]
    return value
