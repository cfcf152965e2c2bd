"""What a client sees of a call that is refused: the status, its details taken apart."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refusal:
    code: grpc.StatusCode
    text: str
    reason: str
    domain: str
    violations: frozenset[tuple[str, str]]


async def refusal(call: Awaitable[Any]) -> Refusal:
    """The status that a call ends with, its details taken apart."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    message = f"it was accepted: {answer}"
    raise AssertionError(message)


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    for detail in status.details if status else ():
        detail.Unpack(info) or detail.Unpack(bad)
    found = frozenset((v.field, v.reason) for v in bad.field_violations)
    return Refusal(error.code(), error.details() or "", info.reason, info.domain, found)
