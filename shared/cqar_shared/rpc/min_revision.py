"""`cqar-min-revision: EPOCH:REVISION` on a read: the answer is at least that new, or an error.

A caller sends the position in the writer's answer, and reads its own write at any resolver.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.replication.positions import NUMBER_MAX
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import Middleware, metadata_of

HEADER: Final = "cqar-min-revision"
#: The longest wait for a caller without a deadline, or with a distant one.
WAIT_MAX_S: Final = 5.0
#: Time reserved for the answer itself.
MARGIN_S: Final = 0.05

#: EPOCH:REVISION.
FORM: Final = re.compile(r"([0-9]{1,19}):([0-9]{1,19})")

#: (epoch, revision, seconds): wait until the position is reached, or raise.
Reach = Callable[[int, int, float], Awaitable[None]]


def parse(text: str) -> tuple[int, int]:
    """Read epoch and revision.

    Raises:
        Invalid: the text is not EPOCH:REVISION.
    """
    found = FORM.fullmatch(text)
    if found is None:
        message = f"must be EPOCH:REVISION such as 1:42, not {text[:64]!r}"
        raise Invalid([FieldViolation(HEADER, "MALFORMED", message)])
    epoch, revision = int(found.group(1)), int(found.group(2))
    if max(epoch, revision) > NUMBER_MAX:
        message = f"is at most {NUMBER_MAX}, in epoch and revision"
        raise Invalid([FieldViolation(HEADER, "OUT_OF_RANGE", message)])
    return epoch, revision


class MinRevisionInterceptor(Middleware):
    """Holds a call with the header until the position is reached.

    It comes after `ErrorInterceptor`, which turns its errors into statuses.

    Args:
        reach: Waits for a position, or raises.
        margin_s: Time before the caller's deadline reserved for the answer; at most half of it.
    """

    def __init__(self, reach: Reach, margin_s: float = MARGIN_S) -> None:
        self._reach = reach
        self._margin_s = margin_s

    def unary(self, call: Any, method: str) -> Any:  # noqa: ARG002
        async def held(request: Any, context: Context) -> Any:
            await self._hold(context)
            return await call(request, context)

        return held

    def stream(self, call: Any, method: str) -> Any:  # noqa: ARG002
        async def held(request: Any, context: Context) -> AsyncIterator[Any]:
            await self._hold(context)
            async for answer in call(request, context):
                yield answer

        return held

    async def _hold(self, context: Context) -> None:
        wanted = metadata_of(context, HEADER)
        if not wanted:
            return
        left = context.time_remaining()
        seconds = (
            WAIT_MAX_S if left is None else min(left - min(self._margin_s, left / 2), WAIT_MAX_S)
        )
        await self._reach(*parse(wanted), max(seconds, 0.0))
