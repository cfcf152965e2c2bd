"""Maps errors to gRPC statuses, for every method."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status
from prometheus_client import Counter

from cqar_shared.errors import DataLoss, RegistryError, ServiceNotReady, TooLarge
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX
from cqar_shared.rpc.middleware import Middleware
from cqar_shared.rpc.status import to_status
from cqar_shared.runtime.outages import is_away, who_is_away

log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]
M = TypeVar("M", bound=Message)

ALTERED: Final = Counter(
    "cqar_altered_rows_total",
    "Calls not answered since a table's row does not say what its entity says.",
    ["table"],
)


async def abort(context: Context, error: Exception, method: str) -> None:
    """End the call with the status of an error. Never returns normally."""
    if isinstance(error, DataLoss):
        ALTERED.labels(error.table).inc()
    if isinstance(error, RegistryError):
        await _abort_with(context, to_status(error))
    if is_away(error):
        log.warning("%s: %s: %s", method, type(error).__name__, error)
        who = who_is_away(error)
        away = ServiceNotReady(f"{who} does not answer: try again, or look at /health/ready")
        await _abort_with(context, to_status(away))
    # grpc.aio itself would send the exception's text to the client.
    log.error("unhandled error in %s", method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error")


def refusal(error: Exception, method: str) -> Any:
    """Return a handler that ends every call of a method with an error."""

    async def refuse(_: Any, context: Context) -> None:
        await abort(context, error, method)

    return grpc.unary_unary_rpc_method_handler(refuse)


async def _abort_with(context: Context, status: status_pb2.Status) -> None:
    """End the call with a status, and keep the trailing metadata set before."""
    whole = rpc_status.to_status(status)
    known = tuple(context.trailing_metadata() or ())
    await context.abort(whole.code, whole.details, (*known, *whole.trailing_metadata))


def _sendable(answer: M | bytes) -> M | bytes:
    """Return the answer if it fits in a message.

    Raises:
        TooLarge: the answer does not fit; unlike gRPC's own error, this says what to do.
    """
    size = len(answer) if isinstance(answer, bytes) else answer.ByteSize()
    if size > MESSAGE_BYTES_MAX:
        mib, limit = -(-size // 1024**2), MESSAGE_BYTES_MAX // 1024**2
        raise TooLarge(f"the answer is of {mib} MiB; at most {limit} MiB: ask for less at once")
    return answer


class ErrorInterceptor(Middleware):
    """Turns every error of a method or stream into a status that a client may see."""

    def unary(self, call: Any, method: str) -> Any:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                return _sendable(await call(request, context))
            except (grpc.aio.AbortError, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001  (the one place that must know them all)
                await abort(context, error, method)

        return guarded

    def stream(self, call: Any, method: str) -> Any:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async for answer in call(request, context):
                    yield _sendable(answer)
            except (grpc.aio.AbortError, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001  (the one place that must know them all)
                await abort(context, error, method)

        return guarded
