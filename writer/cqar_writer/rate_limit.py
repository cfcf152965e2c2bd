"""Limits how much one actor may change: a stuck client must not keep others from the lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import TooMany
from cqar_shared.rpc.auth import caller
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import Middleware
from cqar_shared.runtime.token_bucket import TokenBuckets


class RateInterceptor(Middleware):
    """Refuses the changes of an actor that requests too many.

    It must come after auth, and after `ErrorInterceptor`, which maps the error raised here.
    """

    def __init__(self, rates: TokenBuckets, role_of: Callable[[str], Role]) -> None:
        self._rates = rates
        self._role_of = role_of

    def unary(self, call: Any, method: str) -> Any:
        if self._role_of(method) is Role.READ:
            return call

        async def limited(request: Any, context: Context) -> Any:
            self._take()
            return await call(request, context)

        return limited

    def _take(self) -> None:
        who = caller.get(None)
        if who is not None and (wait_s := self._rates.take(who.actor)) > 0:
            text = f"{who.actor} changes too much at once: again in {wait_s:.2f} s, or Apply"
            raise TooMany(f"{text} takes 5,000 at a time")
