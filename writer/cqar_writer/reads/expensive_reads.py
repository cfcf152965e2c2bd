"""Limits how many expensive reads one caller runs at once: other callers must not wait for them."""

from __future__ import annotations

from typing import Any, Final

from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import Middleware
from cqar_shared.runtime.fair_queue import FairQueue
from cqar_shared.runtime.slots import Slots

ALWAYS: Final = frozenset(
    {
        *("SearchAssets", "SearchSymbols", "History", "ListUpcoming", "GetListingSource"),
        *("ListAssetPrices", "ListChanges"),
    }
)
#: Expensive reads that run at once, of all callers and of one. Each has a connection to PostgreSQL.
RUN_MAX: Final = 4
RUN_EACH: Final = 2
#: Expensive reads that run or wait, of all callers and of one.
WAIT_MAX: Final = 128
WAIT_EACH: Final = 16


class ExpensiveReads(Middleware):
    """Lets searches, histories, reads as of another time and dry runs wait for their caller's turn.

    It must be the innermost middleware, since it looks into requests.
    """

    def __init__(self) -> None:
        self._turns = FairQueue(Slots("long reads", WAIT_MAX, WAIT_EACH), RUN_MAX, RUN_EACH)

    def unary(self, call: Any, method: str) -> Any:
        name = method.rpartition("/")[2]
        if name not in ALWAYS and name not in ("Apply", "GetVenueSymbol"):
            return call

        async def in_turn(request: Any, context: Context) -> Any:
            if name in ALWAYS or _is_long(name, request):
                async with self._turns.of(caller_of(context)):
                    return await call(request, context)
            return await call(request, context)

        return in_turn


def _is_long(name: str, request: Any) -> bool:
    if name == "Apply":
        return bool(request.dry_run)
    return bool(request.HasField("as_of"))
