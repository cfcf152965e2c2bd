"""A gRPC server as both services run it: options, health, reflection, sockets."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shared import extras
from shared.message_size import MESSAGE_BYTES_MAX
from shared.requests import RequestReader
from shared.wrapping import Methods, Wrapping

log = logging.getLogger(__name__)

OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # Clients may ping every 10 s, also without calls, so that a dead peer is noticed.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
]


#: What stands before a server's methods.
Guard = grpc.aio.ServerInterceptor | Wrapping


def make_server(
    guards: Sequence[Guard],
    *,
    shares_port: bool = False,
    is_native: bool = False,
    receive_bytes_max: int = MESSAGE_BYTES_MAX,
) -> tuple[grpc.aio.Server, Any]:
    """A server that listens nowhere yet, and where its methods are to be registered.

    Args:
        guards: The first one comes first; interceptors before all that wrap.
        shares_port: Whether other processes of ours listen on the same port.
        receive_bytes_max: Of any request; each method has a limit of its own below it.
        is_native: Whether its HTTP/2 runs in Rust, outside the GIL: plaintext, and on one port.

    Raises:
        SystemExit: It should be native, and the extra is not installed.
    """
    # gRPC shares a port by default: two processes would share its calls without a word.
    own = {"grpc.max_receive_message_length": receive_bytes_max}
    options = [*(dict(OPTIONS) | own).items(), ("grpc.so_reuseport", int(shares_port))]
    front: Any = grpc.aio
    if is_native:
        front = extras.needed("pygrpc_native.aio", "configuration: grpc_front native", "native")
    interceptors = [guard for guard in guards if not isinstance(guard, Wrapping)]
    server: grpc.aio.Server = front.server(interceptors=interceptors, options=options)
    wrappings = [guard for guard in guards if isinstance(guard, Wrapping)]
    return server, Methods(server, [*wrappings, RequestReader()], registers=is_native)


def add_health(
    methods: Any,
    servicer: health.aio.HealthServicer,
    services: Sequence[str],
    *,
    reflects: bool,
) -> None:
    """Register health for `services`, and reflection where it is wanted."""
    health_pb2_grpc.add_HealthServicer_to_server(servicer, methods)
    if reflects:
        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, methods)


async def set_serving(
    servicer: health.aio.HealthServicer, services: Sequence[str], *, serving: bool
) -> None:
    states = health_pb2.HealthCheckResponse
    for name in ("", *services):
        await servicer.set(name, states.SERVING if serving else states.NOT_SERVING)


def bind(
    server: grpc.aio.Server, listen: str, credentials: grpc.ServerCredentials | None = None
) -> int:
    """Listen on HOST:PORT; returns the port (of use with port 0). Plaintext without credentials.

    Raises:
        SystemExit: The address is taken or not this machine's.
    """
    try:
        if credentials is None:
            port = server.add_insecure_port(listen)
        else:
            port = server.add_secure_port(listen, credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise SystemExit(f"cannot listen on {listen}: is another process there?")
    how = "" if credentials is None else " with TLS"
    log.info("gRPC server listening on %s:%d%s", listen.rpartition(":")[0], port, how)
    return port


def bind_socket(server: grpc.aio.Server, path: Path) -> None:
    """Listen on a Unix socket. Its mode is its authentication: owner and group.

    Raises:
        SystemExit: The path is too long for a socket, or taken by something else.
    """
    if len(os.fsencode(path)) > 107:
        raise SystemExit(f"{path}: a Unix socket's path has at most 107 bytes")
    if path.is_socket():
        path.unlink()
    if server.add_insecure_port(f"unix:{path}") == 0:
        raise SystemExit(f"cannot listen on {path}")


def restrict_socket(path: Path) -> None:
    """To be called once the server has started, since gRPC makes the socket then."""
    path.chmod(0o660)
