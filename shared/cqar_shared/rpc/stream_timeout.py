"""Ends a stream whose client does not read its answers, so that it holds no resources."""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextlib import aclosing
from typing import Any, Final

import grpc

from cqar_shared.errors import TooMany
from cqar_shared.rpc.error_mapping import Context, abort
from cqar_shared.rpc.middleware import Middleware

log = logging.getLogger(__name__)

#: How long an answer may wait for room in HTTP/2's flow control.
SEND_S_MAX: Final = 20.0
#: Wait for the final status, which is queued behind an unread answer.
ABORT_S: Final = 1.0


class StreamTimeout(Middleware):
    """Limits the time to send an answer; it is the outermost middleware, so it ends all others."""

    def stream(self, call: Any, method: str) -> Any:
        return with_send_timeout(call, method)


def with_send_timeout(stream: Any, method: str) -> Any:
    """Return a stream that sends each answer within `SEND_S_MAX`, or ends.

    Its client gets RESOURCE_EXHAUSTED once it has read the answers before.
    """
    if not inspect.isasyncgenfunction(stream):
        return stream

    async def sent(request: Any, context: Context) -> None:
        async with aclosing(stream(request, context)) as answers:
            async for answer in answers:
                if not await _is_sent(answer, context):
                    context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)  # for who counts calls
                    break
            else:
                return
        log.info("ended %s: its answers are not taken", method)
        error = TooMany(f"an answer was not taken within {SEND_S_MAX:g} s: ask again, and read")
        await abort_soon(context, error, method)

    return sent


async def abort_soon(context: Context, error: Exception, method: str) -> None:
    """End a stream that may have an unread answer. Never returns normally."""
    try:
        async with asyncio.timeout(ABORT_S):
            await abort(context, error, method)
    except TimeoutError:
        raise asyncio.CancelledError from None  # the status is queued behind the answer


async def _is_sent(answer: Any, context: Context) -> bool:
    try:
        async with asyncio.timeout(SEND_S_MAX):
            await context.write(answer)
        # The native front accepts writes to a client that has left. Without this pause a stream
        # that never waits would not notice.
        await asyncio.sleep(0)
    except TimeoutError:
        return False
    return True
