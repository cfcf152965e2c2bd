"""Who may call what, asked of running servers: method by credential, at each server and front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from cqar_resolver.app import Resolver
from cqar_resolver.config import Front
from cqar_shared.rpc import grpc_server
from cqar_writer.app import WriterApp

TIMEOUT_S: Final = 20.0
CREDENTIALS: Final = ("none", "made up", "revoked", "expired", "read", "write", "admin")
REFLECTION: Final = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
#: What it means that a call ended so. All others are answers: whoever called was let in.
SHUT: Final[Mapping[grpc.StatusCode, str]] = {
    grpc.StatusCode.UNAUTHENTICATED: "key?",
    grpc.StatusCode.PERMISSION_DENIED: "role?",
    grpc.StatusCode.UNIMPLEMENTED: "—",
}
LET_IN: Final = "yes"
ELSEWHERE: Final = "other service"

BEGIN: Final = "<!-- access: made by tests/integration/both/test_access_table.py -->"
END: Final = "<!-- access ends -->"
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "SECURITY.md"


class Place(NamedTuple):
    """A server: how a page names it, and where it is asked."""

    name: str
    target: str
    services: tuple[ServiceDescriptor, ...]


def _named(module: Any, name: str) -> ServiceDescriptor:
    found: ServiceDescriptor = module.DESCRIPTOR.services_by_name[name]
    return found


REGISTRY: Final = _named(asset_registry_pb2, "AssetRegistry")
ADMIN: Final = _named(registry_admin_pb2, "RegistryAdmin")
RESOLVER: Final = _named(resolver_pb2, "Resolver")
HEALTH: Final = _named(health_pb2, "Health")


@asynccontextmanager
async def places(
    writer: WriterApp, open_resolver: Resolver, keyed: Resolver, reflecting: WriterApp, folder: Path
) -> AsyncIterator[list[Place]]:
    """Every kind of server that there is, listening."""
    async with AsyncExitStack() as stack:

        async def at(server: grpc.aio.Server) -> str:
            port = grpc_server.bind(server, "127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, None)
            return f"127.0.0.1:{port}"

        async def resolver_at(resolver: Resolver, front: Front) -> str:
            return await at(resolver.make_server(resolver.guards(), front=front))

        of_writer = (REGISTRY, ADMIN, HEALTH)
        of_resolver = (REGISTRY, RESOLVER, HEALTH)
        found = [
            Place("writer", await at(writer.make_server()), of_writer),
            Place("writer, reflection on", await at(reflecting.make_server()), of_writer),
        ]
        fronts: tuple[Front, ...] = ("aio", "native")
        for front in fronts:
            where = await resolver_at(open_resolver, front)
            found.append(Place(f"resolver on loopback, {front}", where, of_resolver))
            where = await resolver_at(keyed, front)
            found.append(Place(f"resolver with keys, {front}", where, of_resolver))
        server, path = keyed.make_server(keyed.unguarded()), folder / "socket"
        grpc_server.bind_socket(server, path)
        await server.start()
        stack.push_async_callback(server.stop, None)
        found.append(Place("resolver's Unix socket", f"unix:{path}", of_resolver))
        yield found


async def seen_at(place: Place, keys: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Method -> what each credential came to, in the order of `CREDENTIALS`."""
    found: dict[str, tuple[str, ...]] = {}
    async with grpc.aio.insecure_channel(place.target) as channel:
        for service in place.services:
            for method in service.methods:
                name = f"{service.full_name}/{method.name}"
                request = method.input_type._concrete_class()
                streams = bool(method.server_streaming)
                found[name] = tuple(
                    [await _tried(channel, name, request, keys[one], streams=streams)
                     for one in CREDENTIALS]
                )  # fmt: skip
        found[REFLECTION] = tuple([await _reflected(channel, keys[one]) for one in CREDENTIALS])
    return found


async def _tried(
    channel: grpc.aio.Channel, name: str, request: Any, key: str, *, streams: bool
) -> str:
    metadata = (("x-api-key", key),) if key else ()
    made: Any = channel.unary_stream if streams else channel.unary_unary
    call = made(f"/{name}", request_serializer=type(request).SerializeToString)(
        request, metadata=metadata, timeout=TIMEOUT_S
    )
    return await _end_of(call, streams=streams)


async def _end_of(call: Any, *, streams: bool) -> str:
    if streams:
        try:
            if await call.read() is not grpc.aio.EOF:
                call.cancel()
                return LET_IN
        except grpc.aio.AioRpcError:
            pass
    code = await call.code()
    if code is grpc.StatusCode.FAILED_PRECONDITION and "a resolver changes" in await call.details():
        return ELSEWHERE
    return SHUT.get(code, LET_IN)


async def _reflected(channel: grpc.aio.Channel, key: str) -> str:
    metadata = (("x-api-key", key),) if key else ()
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    made: Any = channel.stream_stream(
        f"/{REFLECTION}",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
    )
    call = made(metadata=metadata, timeout=TIMEOUT_S)
    try:
        await call.write(request)
        if await call.read() is not grpc.aio.EOF:
            call.cancel()
            return LET_IN
    except (grpc.aio.AioRpcError, grpc.aio.UsageError):
        pass
    return SHUT.get(await call.code(), LET_IN)


def tables_of(seen: Mapping[str, Mapping[str, tuple[str, ...]]]) -> str:
    """A table for servers that came to the same; methods that did share a row."""
    servers: dict[str, list[str]] = {}
    for place, methods in seen.items():
        servers.setdefault(_table_of(methods), []).append(place)
    return (
        "\n\n".join(f"**{'; '.join(names)}**\n\n{table}" for table, names in servers.items()) + "\n"
    )


def _table_of(methods: Mapping[str, tuple[str, ...]]) -> str:
    rows: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for method, came_to in methods.items():
        service, _, name = method.rpartition("/")
        rows.setdefault((service.rpartition(".")[2], came_to), []).append(name)
    lines = [f"| service | methods | {' | '.join(CREDENTIALS)} |"]
    lines.append("|---|---|" + "---|" * len(CREDENTIALS))
    for (service, came_to), names in rows.items():
        lines.append(f"| {service} | {', '.join(sorted(names))} | {' | '.join(came_to)} |")
    return "\n".join(lines)


def between_markers() -> str:
    """What the page says now."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip() + "\n"


def write(tables: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}")
