"""`grpc.health.v1.Health`: whether a server's services serve, to be asked or watched.

grpcio's own servicer writes to a watcher's stream itself, which nothing that wraps our methods
can be around, has no List, and lets one client hold any number of watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthServicer

from cqar_shared.errors import EntityNotFound
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import peer_of
from cqar_shared.runtime.slots import Slots

SERVICE: Final = "grpc.health.v1.Health"
#: A client watches once for each connection that it has.
WATCHERS_MAX: Final = 10_000
WATCHERS_EACH: Final = 100

#: Of which the stubs know not all.
pb: Any = health_pb2


class GrpcHealth(HealthServicer):
    """All services serve, or none does; "" is the whole server.

    Args:
        services: By their full names.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._names = frozenset(("", *services))
        self._status: int = pb.HealthCheckResponse.NOT_SERVING
        self._changed = asyncio.Event()
        self._is_ending = False
        self._watchers = Slots("watches of its health", WATCHERS_MAX, WATCHERS_EACH)

    def set_serving(self, *, serving: bool) -> None:
        states = pb.HealthCheckResponse
        is_serving = serving and not self._is_ending
        self._status = states.SERVING if is_serving else states.NOT_SERVING
        self._changed.set()
        self._changed = asyncio.Event()

    def end(self) -> None:
        """Nothing serves any more: who watches is told, and its stream ends."""
        self._is_ending = True
        self.set_serving(serving=False)

    async def Check(self, request: Any, _: Context) -> Any:
        """One service's state.

        Raises:
            NotFound: There is no such service here.
        """
        if request.service not in self._names:
            raise EntityNotFound("service", request.service[:100])
        return pb.HealthCheckResponse(status=self._status)

    async def List(self, _: Any, __: Context) -> Any:
        state = pb.HealthCheckResponse(status=self._status)
        return pb.HealthListResponse(statuses=dict.fromkeys(sorted(self._names), state))

    async def Watch(self, request: Any, context: Context) -> AsyncIterator[Any]:
        """A service's state now, and each time that it is another.

        Raises:
            TooMany: This client watches as often as one may.
        """
        with self._watchers.held(peer_of(context.peer())):
            told: int | None = None
            while True:
                changed, status = self._changed, self._status_of(request.service)
                if status != told:
                    told = status
                    yield pb.HealthCheckResponse(status=status)
                if self._is_ending:
                    return
                await changed.wait()

    def _status_of(self, service: str) -> int:
        return self._status if service in self._names else pb.HealthCheckResponse.SERVICE_UNKNOWN
