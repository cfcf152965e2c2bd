"""The contract as its .proto files state it, comments included; generated code has none."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from google.protobuf import descriptor_pb2 as dpb

PROTO: Final = Path(__file__).resolve().parents[2] / "proto"
#: Field numbers of descriptor.proto, of which a comment's place is made.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_MEMBERS: Final = 2
_F: Final = dpb.FieldDescriptorProto


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        type: Full name of a message or enum, else the scalar's name or `map<…>`.
        label: optional, repeated, or the `oneof` that it is of.
    """

    name: str
    number: int
    type: str
    label: str
    comment: str


class Message(NamedTuple):
    name: str
    comment: str
    fields: tuple[Field, ...]


class Value(NamedTuple):
    name: str
    number: int
    comment: str


class Enum(NamedTuple):
    name: str
    comment: str
    values: tuple[Value, ...]


class Rpc(NamedTuple):
    name: str
    comment: str
    request: str
    response: str
    streams: bool


class Service(NamedTuple):
    name: str
    comment: str
    rpcs: tuple[Rpc, ...]


class Contract(NamedTuple):
    """Everything that is reached from the services' files, by its full name."""

    services: dict[str, Service]
    messages: dict[str, Message]
    enums: dict[str, Enum]


def read_contract() -> Contract:
    """Compile the protos and read them.

    Raises:
        CalledProcessError: They do not compile.
    """
    found = Contract({}, {}, {})
    for file in _compiled().file:
        if file.package.startswith("cqc."):
            _read_file(file, found)
    return found


def _compiled() -> dpb.FileDescriptorSet:
    names = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("cqc/**/*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "contract"
        options = ("--include_source_info", f"--descriptor_set_out={target}", f"-I{PROTO}")
        command = [sys.executable, "-m", "grpc_tools.protoc", *options, *names]
        subprocess.run(command, check=True, cwd=PROTO)  # noqa: S603  (our own words)
        return dpb.FileDescriptorSet.FromString(target.read_bytes())


def _read_file(file: dpb.FileDescriptorProto, into: Contract) -> None:
    comments = {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
        if place.leading_comments
    }
    for at, message in enumerate(file.message_type):
        name = f"{file.package}.{message.name}"
        fields = tuple(_fields(message, comments, (_MESSAGES, at)))
        into.messages[name] = Message(name, comments.get((_MESSAGES, at), ""), fields)
    for at, enum in enumerate(file.enum_type):
        name = f"{file.package}.{enum.name}"
        values = tuple(
            Value(v.name, v.number, comments.get((_ENUMS, at, _MEMBERS, nth), ""))
            for nth, v in enumerate(enum.value)
        )
        into.enums[name] = Enum(name, comments.get((_ENUMS, at), ""), values)
    for at, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        rpcs = tuple(
            Rpc(
                method.name,
                comments.get((_SERVICES, at, _MEMBERS, nth), ""),
                method.input_type.removeprefix("."),
                method.output_type.removeprefix("."),
                method.server_streaming,
            )
            for nth, method in enumerate(service.method)
        )
        into.services[name] = Service(name, comments.get((_SERVICES, at), ""), rpcs)


def _fields(
    message: dpb.DescriptorProto, comments: dict[tuple[int, ...], str], place: tuple[int, ...]
) -> Iterator[Field]:
    maps = {n.name: n for n in message.nested_type if n.options.map_entry}
    for nth, field in enumerate(message.field):
        entry = maps.get(field.type_name.rpartition(".")[2])
        yield Field(
            field.name,
            field.number,
            _type_of(field) if entry is None else _map_of(entry),
            "" if entry is not None else _label_of(field, message),
            comments.get((*place, _MEMBERS, nth), ""),
        )


def _type_of(field: dpb.FieldDescriptorProto) -> str:
    scalar = _F.Type.Name(field.type).removeprefix("TYPE_").lower()
    return field.type_name.removeprefix(".") or scalar


def _map_of(entry: dpb.DescriptorProto) -> str:
    key, value = map(_type_of, entry.field)
    return f"map<{key}, {value}>"


def _label_of(field: dpb.FieldDescriptorProto, message: dpb.DescriptorProto) -> str:
    if field.label == _F.LABEL_REPEATED:
        return "repeated"
    if field.proto3_optional:
        return "optional"
    if field.HasField("oneof_index"):
        return f"oneof {message.oneof_decl[field.oneof_index].name}"
    return ""
