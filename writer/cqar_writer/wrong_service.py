"""Says WRONG_SERVICE to a client of resolvers that was given a writer's address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from cqar_shared.errors import Misdirected
from cqar_shared.rpc.error_mapping import refusal

RESOLVERS: Final = "/cqc.resolver.v1.Resolver/"
ADVICE: Final = "this is a writer: ask a resolver, which listens at port 9091 unless told otherwise"


class WrongServiceInterceptor(grpc.aio.ServerInterceptor):
    """Refuses the methods of resolvers.

    It stands before the check of keys: a client of a sidecar has none, and would be told that it
    needs one.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        method = handler_call_details.method
        if method.startswith(RESOLVERS):
            return refusal(Misdirected(ADVICE), method)
        return await continuation(handler_call_details)
