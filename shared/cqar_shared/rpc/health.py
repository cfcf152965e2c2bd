"""`grpc.health.v1.Health`: whether the server's services serve.

grpcio's own servicer writes to the stream of a watch itself, which middleware cannot wrap. It also
has no List, and does not limit the watches of a client.
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
#: A client has one watch for each of its connections.
WATCHERS_MAX: Final = 10_000
WATCHERS_EACH: Final = 100

#: The stubs do not know all of it.
pb: Any = health_pb2


class GrpcHealth(HealthServicer):
    """Health of a server whose services all serve, or none; "" is the whole server.

    Args:
        services: Full names of the services.
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
        """Stop serving: tell all watches, and end their streams."""
        self._is_ending = True
        self.set_serving(serving=False)

    async def Check(self, request: Any, _: Context) -> Any:
        """Return the state of one service.

        Raises:
            EntityNotFound: the server has no such service.
        """
        if request.service not in self._names:
            raise EntityNotFound("service", request.service[:100])
        return pb.HealthCheckResponse(status=self._status)

    async def List(self, _: Any, __: Context) -> Any:
        state = pb.HealthCheckResponse(status=self._status)
        return pb.HealthListResponse(statuses=dict.fromkeys(sorted(self._names), state))

    async def Watch(self, request: Any, context: Context) -> AsyncIterator[Any]:
        """Send the state of a service now, and whenever it changes.

        Raises:
            TooMany: this client, or all together, have too many watches.
        """
        with self._watchers.held(peer_of(context.peer())):
            sent: int | None = None
            while True:
                changed, status = self._changed, self._status_of(request.service)
                if status != sent:
                    sent = status
                    yield pb.HealthCheckResponse(status=status)
                if self._is_ending:
                    return
                await changed.wait()

    def _status_of(self, service: str) -> int:
        return self._status if service in self._names else pb.HealthCheckResponse.SERVICE_UNKNOWN
