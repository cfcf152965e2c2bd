"""How much one actor may change: a stuck client must not keep everybody else from the lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.auth import caller
from shared.entities.api_key import Role
from shared.errors import TooMany
from shared.grpc_errors import Context
from shared.rates import Rates
from shared.wrapping import Wrapping


class RateInterceptor(Wrapping):
    """Refuses the changes of an actor who asks for too many.

    To be given after auth, and after `ErrorInterceptor`, which tells what is raised here.
    """

    def __init__(self, rates: Rates, role_of: Callable[[str], Role]) -> None:
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
