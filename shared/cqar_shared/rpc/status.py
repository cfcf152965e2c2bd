"""Maps domain errors to status messages, without gRPC itself. Pure."""

from __future__ import annotations

from typing import Final

import msgspec
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from cqar_shared.errors import (
    FIELD_CHARS_MAX,
    MESSAGE_CHARS_MAX,
    NEAR,
    AlreadyDecided,
    Conflict,
    DataLoss,
    EntityNotFound,
    EpochEnded,
    Exists,
    Fenced,
    Forbidden,
    InUse,
    Invalid,
    Misdirected,
    MovedOn,
    OutOfRange,
    RegistryError,
    ServiceNotReady,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unimplemented,
)

#: A status is sent in HTTP/2 headers, which clients limit to 8 KiB in all.
VIOLATIONS_MAX: Final = 20
DETAIL_BYTES_MAX: Final = 4_000

#: Error class -> gRPC code.
CODES: Final[dict[type[RegistryError], int]] = {
    Invalid: code_pb2.INVALID_ARGUMENT,
    EntityNotFound: code_pb2.NOT_FOUND,
    Exists: code_pb2.ALREADY_EXISTS,
    InUse: code_pb2.FAILED_PRECONDITION,
    TooLarge: code_pb2.RESOURCE_EXHAUSTED,
    Misdirected: code_pb2.FAILED_PRECONDITION,
    Unimplemented: code_pb2.UNIMPLEMENTED,
    Unauthenticated: code_pb2.UNAUTHENTICATED,
    Forbidden: code_pb2.PERMISSION_DENIED,
    Conflict: code_pb2.ABORTED,
    MovedOn: code_pb2.ABORTED,
    AlreadyDecided: code_pb2.ABORTED,
    EpochEnded: code_pb2.ABORTED,
    OutOfRange: code_pb2.OUT_OF_RANGE,
    TooMany: code_pb2.RESOURCE_EXHAUSTED,
    DataLoss: code_pb2.DATA_LOSS,
    ServiceNotReady: code_pb2.UNAVAILABLE,
    Fenced: code_pb2.UNAVAILABLE,
}


def to_status(error: RegistryError) -> status_pb2.Status:
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain="cqar")
    if isinstance(error, EntityNotFound) and error.near:
        info.metadata[NEAR] = msgspec.json.encode(error.near).decode()
    details: list[Message] = [info]
    if isinstance(error, Invalid):
        bad = error_details_pb2.BadRequest()
        for v in error.violations[:VIOLATIONS_MAX]:
            bad.field_violations.add(
                field=v.field[:FIELD_CHARS_MAX],
                description=v.message[:FIELD_CHARS_MAX],
                reason=v.reason,
            )
            if bad.ByteSize() > DETAIL_BYTES_MAX:
                break
        details.append(bad)
    status = status_pb2.Status(code=CODES[type(error)], message=str(error)[:MESSAGE_CHARS_MAX])
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
