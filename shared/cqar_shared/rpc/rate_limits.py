"""Limits how often a caller may read; beyond that it is told how long to wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cqar_shared.errors import TooMany
from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import Middleware
from cqar_shared.runtime.token_bucket import TokenBuckets

#: Bytes of a request that cost as much as one call: 25 spellings of a batch.
CALL_BYTES: Final = 512


class ReadRates(Middleware):
    """Refuses reads of a caller that exceeds its rate.

    It comes after `ErrorInterceptor`, which turns its errors into statuses.

    Args:
        rates: Shared by all servers of a process.
        is_read: Whether a method only reads, by its full name; other methods pass.
    """

    def __init__(self, rates: TokenBuckets, is_read: Callable[[str], bool]) -> None:
        self._rates = rates
        self._is_read = is_read

    def unary(self, call: Any, method: str) -> Any:
        if not self._limits(method):
            return call

        async def limited(request: Any, context: Context) -> Any:
            self._take(request, context)
            return await call(request, context)

        return limited

    def stream(self, call: Any, method: str) -> Any:
        if not self._limits(method):
            return call

        async def limited(request: Any, context: Context) -> Any:
            self._take(request, context)
            async for answer in call(request, context):
                yield answer

        return limited

    def _limits(self, method: str) -> bool:
        # A refused health probe would report the server as unhealthy.
        return self._is_read(method) and not method.startswith("/grpc.")

    def _take(self, request: Any, context: Context) -> None:
        size_bytes = len(request) if isinstance(request, bytes) else request.ByteSize()
        who = caller_of(context)
        wait_s = self._rates.take(who, 1 + size_bytes // CALL_BYTES)
        if wait_s > 0:
            raise TooMany(f"this caller asks for too much at once: again in {wait_s:.2f} s")
