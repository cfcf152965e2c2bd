"""The RPCs of the three services by name, with their comments from the .proto files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final, NamedTuple

from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

WRITER, RESOLVER = "writer", "resolver"

#: Module, service, and the server that answers it.
_SERVICES: Final = (
    (asset_registry_pb2, "AssetRegistry", WRITER),
    (resolver_pb2, "Resolver", RESOLVER),
    (registry_admin_pb2, "RegistryAdmin", WRITER),
)
#: A comment and the RPC after it.
_COMMENTED: Final = re.compile(r"((?:^ *//.*\n)+) *rpc (\w+)\(", re.MULTILINE)
SIMILAR_MAX: Final = 3


class Rpc(NamedTuple):
    """One RPC.

    Attributes:
        service: The service's full name, such as cqc.services.v1.AssetRegistry.
        home: The server that answers it: writer or resolver.
        streams: Whether the response is a stream.
        summary: The first line of its comment; empty without one.
    """

    service: str
    name: str
    home: str
    streams: bool
    request: type[Message]
    response: type[Message]
    summary: str

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"


def rpcs() -> dict[str, Rpc]:
    """Every RPC by its name, in the order of the contract. Names are unique across services."""
    return {rpc.name: rpc for service in _SERVICES for rpc in _rpcs_of(*service)}


def _rpcs_of(module: Any, name: str, home: str) -> Iterator[Rpc]:
    service = module.DESCRIPTOR.services_by_name[name]
    summaries = _summaries(module.DESCRIPTOR.name)
    for method in service.methods:
        yield Rpc(
            service=service.full_name,
            name=method.name,
            home=home,
            streams=method.server_streaming,
            request=GetMessageClass(method.input_type),
            response=GetMessageClass(method.output_type),
            summary=summaries.get(method.name, ""),
        )


def _summaries(proto: str) -> dict[str, str]:
    """RPC -> first line of its comment, from the .proto file: generated code has no comments."""
    folder, _, name = proto.rpartition("/")
    text = resources.files(folder.replace("/", ".")).joinpath(name).read_text(encoding="utf-8")
    return {
        name: comment.strip().splitlines()[0].removeprefix("//").strip()
        for comment, name in _COMMENTED.findall(text)
    }


def similar_names(name: str) -> list[str]:
    """RPCs with a name similar to `name`, the most similar first."""
    by_lower_name = {rpc.lower(): rpc for rpc in rpcs()}
    matches = difflib.get_close_matches(name.lower(), by_lower_name, n=SIMILAR_MAX)
    return [by_lower_name[match] for match in matches]
