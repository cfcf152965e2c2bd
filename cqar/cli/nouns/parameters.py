"""Derives a command's parameters from the descriptor of its request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import click
from cqc.services.v1 import asset_registry_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from cqar.cli.completion_names import Completer
from cqar.cli.completion_names import of_field as completer_of_field
from cqar.cli.nouns.field_names import field_help, is_offered, option_word
from cqar.cli.nouns.field_types import param_type_of, set_field
from cqar.cli.nouns.id_lookup import IdLookup, referenced_kind
from cqar.cli.nouns.model import Noun, Verb

_SERVICE: Final = asset_registry_pb2.DESCRIPTOR.services_by_name["AssetRegistry"]

_NO_CONTEXT: Final = click.Context(click.Command(""))


class FieldParameter(NamedTuple):
    """A parameter and the field of the request that it sets.

    Attributes:
        parent: The request's field that holds the message with `field`; empty: the request itself.
    """

    parameter: click.Parameter
    field: FieldDescriptor
    parent: str = ""

    @property
    def name(self) -> str:
        return self.parameter.name or ""

    @property
    def path(self) -> str:
        """The request's field as violations name it."""
        return f"{self.parent}.{self.field.name}" if self.parent else self.field.name

    @property
    def typed(self) -> str:
        """The option or the argument as the user types it."""
        is_option = isinstance(self.parameter, click.Option)
        return self.parameter.opts[0] if is_option else self.parameter.make_metavar(_NO_CONTEXT)


def method_of(verb: Verb) -> MethodDescriptor:
    return _SERVICE.methods_by_name[verb.rpc]


def parameters_of(noun: Noun, verb: Verb) -> list[FieldParameter]:
    """A command's parameters: its arguments in order, then one option per field."""
    request = method_of(verb).input_type
    parameters = []
    for name, required in verb.arguments.items():
        field = request.fields_by_name[name]
        parameters.append(FieldParameter(_argument(field, verb.rpc, required=required), field))
    for field, parent in offered_fields(request):
        if parent or field.name not in verb.arguments:
            is_required = field.name in verb.required.split()
            option = _option(field, parent, noun, is_required=is_required)
            parameters.append(FieldParameter(option, field, parent))
    return parameters


def offered_fields(request: Descriptor) -> Iterator[tuple[FieldDescriptor, str]]:
    """The fields that a user can set, each with its parent: "" or `exact`."""
    for field in request.fields:
        if field.name == "exact" and field.message_type is not None:
            yield from ((inner, field.name) for inner in field.message_type.fields)
        elif is_offered(field):
            yield field, ""


def _argument(field: FieldDescriptor, rpc: str, *, required: bool) -> click.Argument:
    word = option_word(field).replace("-", "_").upper()
    metavar = word if required else f"[{word}]"
    return click.Argument(
        [field.name],
        type=param_type_of(field),
        required=required,
        metavar=metavar,
        shell_complete=_completer(field, rpc),
    )


def _option(field: FieldDescriptor, parent: str, noun: Noun, *, is_required: bool) -> click.Option:
    told = field_help(field) + ("  [required]" if is_required else "")
    word = option_word(field, noun.name)
    name = f"{parent}_{field.name}" if parent else field.name
    if field.type == FieldDescriptor.TYPE_BOOL:
        return click.Option([name, f"--{word}/--no-{word}"], default=None, help=told, is_flag=True)
    return click.Option(
        [name, f"--{word}"],
        type=param_type_of(field),
        multiple=field.is_repeated,
        help=told,
        shell_complete=_completer(field, ""),
    )


def _completer(field: FieldDescriptor, rpc: str) -> Completer | None:
    """How a shell completes the field; None where its type knows, as of enums."""
    return completer_of_field(field.name, rpc) if field.type == field.TYPE_STRING else None


def fill_request(
    request: Message, parameters: list[FieldParameter], values: Mapping[str, Any], lookup: IdLookup
) -> None:
    """Set the request's fields that the user gave, and no others.

    Raises:
        CallFailed: a name is unknown or ambiguous.
    """
    for item in parameters:
        value = values.get(item.name)
        if value is None or value == ():
            continue
        owner = getattr(request, item.parent) if item.parent else request
        set_field(owner, item.field, _names_to_ids(item.field, value, lookup))


def _names_to_ids(field: FieldDescriptor, value: Any, lookup: IdLookup) -> Any:
    """The value with names of entities replaced by ids."""
    if kind := referenced_kind(field):
        return lookup.id_of(kind, value)
    if field.name == "flag_id":
        return lookup.flag_of(value)
    if field.is_repeated and field.message_type is not None:
        fields = field.message_type.fields_by_name
        return [
            {name: _names_to_ids(fields[name], part, lookup) for name, part in message.items()}
            for message in value
        ]
    return value
