"""A client that knows CQC v0.3.1's tables, and nothing of this project's generated code.

Messages are made of descriptors that are built here, in a pool of their own. `cqc` must not be
imported: what this client can do, anybody can who has CQC's contract.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from tests.support.contract_files import rows

CALL_TIMEOUT_S: Final = 30
_Field: Final = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "double": _Field.TYPE_DOUBLE,
}
_WELL_KNOWN: Final = (timestamp_pb2.DESCRIPTOR, struct_pb2.DESCRIPTOR)


class Contract:
    """CQC's messages, enum values and RPCs.

    Attributes:
        pool: Every message of the tables, by its full name.
        rpcs: Method -> its path, and the classes of its request and its answer.
        numbers: Enum value -> number.
    """

    def __init__(self) -> None:
        self.pool = _pool()
        self.numbers = {row["value"]: int(row["number"]) for row in rows("enums")}
        self.rpcs: dict[str, tuple[str, Any, Any]] = {
            row["rpc"]: (
                f"/{row['service']}/{row['rpc']}",
                self.message(row["request"]),
                self.message(row["response"]),
            )
            for row in rows("rpcs")
        }

    def message(self, name: str) -> Any:
        return GetMessageClass(self.pool.FindMessageTypeByName(name))


def _pool() -> DescriptorPool:
    """One file a package, each added after those it names."""
    files: dict[str, Any] = {}
    for row in rows("enums"):
        package, _, name = row["enum"].rpartition(".")
        enum = _named(_file(files, package).enum_type, name)
        enum.value.add(name=row["value"], number=int(row["number"]))
    enums = {row["enum"] for row in rows("enums")}
    uses: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("messages"):
        package, _, name = row["message"].rpartition(".")
        message = _named(_file(files, package).message_type, name)
        _add_field(message, row, enums)
        named = row["type"].rpartition(".")[0]
        if named not in ("", package, "google.protobuf"):
            uses[package].add(named)
    pool = DescriptorPool()
    for known in _WELL_KNOWN:
        pool.AddSerializedFile(known.serialized_pb)
    for package in _in_order(files, uses):
        needed = [known.name for known in _WELL_KNOWN] + [files[p].name for p in uses[package]]
        files[package].dependency.extend(needed)
        pool.Add(files[package])
    return pool


def _file(files: dict[str, Any], package: str) -> Any:
    name = f"contract/{package}.proto"
    return files.setdefault(
        package,
        descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3"),
    )


def _named(held: Any, name: str) -> Any:
    return next((found for found in held if found.name == name), None) or held.add(name=name)


def _add_field(message: Any, row: dict[str, str], enums: set[str]) -> None:
    repeated = row["label"] == "repeated"
    field = message.field.add(
        name=row["field"],
        number=int(row["number"]),
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
    )
    if row["type"] in _SCALARS:
        field.type = _SCALARS[row["type"]]
    else:
        field.type = _Field.TYPE_ENUM if row["type"] in enums else _Field.TYPE_MESSAGE
        field.type_name = f".{row['type']}"
    if row["label"] == "optional":
        # How proto3 writes a presence of its own: a oneof of one.
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{row['field']}")


def _in_order(files: dict[str, Any], uses: dict[str, set[str]]) -> Iterator[str]:
    left = set(files)
    while left:
        ready = sorted(package for package in left if not uses[package] & left)
        assert ready, f"these packages name each other: {left}"
        yield from ready
        left.difference_update(ready)


class ContractClient:
    """Calls one server by the paths and messages of the tables."""

    def __init__(self, channel: grpc.aio.Channel, contract: Contract, key: str = "") -> None:
        self._channel = channel
        self._contract = contract
        self._key = (("authorization", f"Bearer {key}"),) if key else ()
        #: epoch:revision of the newest answer, as its trailing metadata names it.
        self.position = ""

    async def call(self, rpc: str, /, *, at_least: str = "", **fields: Any) -> Any:
        """The answer's message. Fields are plain values, enum values their names.

        Args:
            at_least: The position, epoch:revision, that the answer must have reached.
        """
        path, request, response = self._contract.rpcs[rpc]
        method = self._channel.unary_unary(
            path,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        wanted = (("cqar-min-revision", at_least),) if at_least else ()
        call = method(request(**fields), metadata=(*self._key, *wanted), timeout=CALL_TIMEOUT_S)
        answer = await call
        trailing: dict[str, Any] = dict(await call.trailing_metadata() or ())
        self.position = f"{trailing['cqar-epoch']}:{trailing['cqar-revision']}"
        return answer
