"""A writer's gRPC server in this process, and a client with a key of each role."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from cqc.services.v1.asset_registry_pb2_grpc import (
    AssetRegistryStub,
    add_AssetRegistryServicer_to_server,
)
from cqc.writer.v1.registry_admin_pb2_grpc import (
    RegistryAdminStub,
    add_RegistryAdminServicer_to_server,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.redis_store.cache import Cache
from cqar_shared.rpc import grpc_server
from cqar_shared.rpc.auth import AuthInterceptor
from cqar_shared.rpc.call_metrics import CallInterceptor
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.min_revision import MinRevisionInterceptor
from cqar_writer.api_keys import ApiKeyCache, create_key
from cqar_writer.app import role_of
from cqar_writer.database.head import HeadReader
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.reads.sessions import Reads
from cqar_writer.services.admin import RegistryAdminService
from cqar_writer.services.asset_registry import AssetRegistryService


@dataclass
class Client:
    """Stubs, a key of each role, and the keys of further actors, who may write."""

    address: str
    channel: grpc.aio.Channel
    registry: Any
    admin: Any
    keys: dict[Role, str]
    actors: dict[str, str]

    async def call_as(self, actor: str, method: Any, request: Any) -> Any:
        """Call with the key of one of the actors."""
        metadata = (("authorization", f"Bearer {self.actors[actor]}"),)
        return await method(request, metadata=metadata, timeout=10)

    async def call(self, method: Any, request: Any, role: Role | None = Role.WRITE) -> Any:
        metadata = (("authorization", f"Bearer {self.keys[role]}"),) if role else ()
        return await method(request, metadata=metadata, timeout=10)


@asynccontextmanager
async def serving(
    engine: AsyncEngine,
    now: dt.datetime | Callable[[], dt.datetime],
    database: PrimaryDatabase | None = None,
    cache: Cache | None = None,
    actors: Iterable[str] = (),
) -> AsyncIterator[Client]:
    """Wired as `cqar_writer.app` does, on a port of its own."""
    database = database or PrimaryDatabase(NewestPosition(), engine)

    def clock() -> dt.datetime:
        return now() if callable(now) else now

    mutations = Mutations(engine, clock, database=database)
    roles = (Role.READ, Role.WRITE, Role.ADMIN)
    keys = {role: await create_key(mutations, role.name.lower(), role) for role in roles}
    people = {actor: await create_key(mutations, actor, Role.WRITE) for actor in actors}
    find = ApiKeyCache(engine, clock).find
    heads = HeadReader(engine, database)
    calls = CallInterceptor(lambda _: False)
    guards = (AuthInterceptor(find, role_of), calls, ErrorInterceptor())
    server, methods = grpc_server.make_server([*guards, MinRevisionInterceptor(heads.reach)])
    registry = AssetRegistryService(mutations, Reads(engine, database, cache), clock)
    add_AssetRegistryServicer_to_server(registry, methods)
    admin = RegistryAdminService(mutations, engine, heads, database)
    add_RegistryAdminServicer_to_server(admin, methods)
    port = grpc_server.bind(server, "127.0.0.1:0")
    await server.start()
    address = f"127.0.0.1:{port}"
    async with grpc.aio.insecure_channel(address) as channel:
        stubs: tuple[Any, Any] = (AssetRegistryStub(channel), RegistryAdminStub(channel))
        yield Client(address, channel, *stubs, keys, people)
    await server.stop(None)
