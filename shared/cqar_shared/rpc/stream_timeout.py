"""A stream whose answers are not taken ends, and holds nothing for its client any more."""

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

#: So long a client may leave an answer untaken that HTTP/2's flow control has no room for.
SEND_S_MAX: Final = 20.0
#: Where there is no room for an answer, the end waits behind it: nobody waits for that.
ABORT_S: Final = 1.0


class StreamTimeout(Middleware):
    """To be given before all other wrappings, which then are ended with the stream."""

    def stream(self, call: Any, method: str) -> Any:
        return with_send_timeout(call, method)


def with_send_timeout(stream: Any, method: str) -> Any:
    """A stream that sends its answers itself, each within `SEND_S_MAX`.

    Its client is told RESOURCE_EXHAUSTED once it takes what came before.
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
    """End a stream of which an answer may wait to be taken. Never returns normally."""
    try:
        async with asyncio.timeout(ABORT_S):
            await abort(context, error, method)
    except TimeoutError:
        raise asyncio.CancelledError from None  # the end is on its way, behind the answer


async def _is_sent(answer: Any, context: Context) -> bool:
    try:
        async with asyncio.timeout(SEND_S_MAX):
            await context.write(answer)
        # The native front takes what is written to a client that has left, at once: only here
        # does a stream that never waits hear that it is over.
        await asyncio.sleep(0)
    except TimeoutError:
        return False
    return True
