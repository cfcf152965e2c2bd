"""Makes the gRPC server of both services, with its options, health, reflection and sockets."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from cqar_shared.errors import StartupError
from cqar_shared.rpc import health
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX
from cqar_shared.rpc.middleware import Methods, Middleware
from cqar_shared.rpc.request_reader import RequestReader
from cqar_shared.rpc.stream_timeout import StreamTimeout
from cqar_shared.runtime import optional_extras

log = logging.getLogger(__name__)

OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
]

#: Limits of one connection, which both fronts support.
CONNECTION_OPTIONS: Final[list[tuple[str, Any]]] = [
    # Calls that run at once. It bounds how many requests that were reset at once stand before
    # everybody's next one; HTTP/2 asks for no less than 100. gRPC's clients let more wait, but as
    # many begin again just when others end, some are refused (UNAVAILABLE) and must be retried.
    ("grpc.max_concurrent_streams", 100),
    # A peer that does not answer a ping is gone, with all its streams.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
]

#: Options that the native front refuses or ignores.
AIO_OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.http2.max_pings_without_data", 0),
    # Clients may ping every 10 s, also without calls, to notice a dead peer. A client that pings
    # more often three times is disconnected.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 30 * 60_000),
    # A new connection may lead to another server behind the same name. Calls that run when it is
    # this old may go on for the grace, and no stream of ours lives as long (cqar_resolver.services.
    # watching): each ends with a status of its own.
    ("grpc.max_connection_age_ms", 120 * 60_000),
    ("grpc.max_connection_age_grace_ms", 70 * 60_000),
]

#: The logger of grpcio's compiled part. For a header that is not UTF-8 it logs the whole header
#: with a traceback, and the header may be an API key with a stray byte. The call itself is
#: answered as one without a valid key.
GRPC_LOGGER: Final = "grpc._cython.cygrpc"

#: Connections at one port; fewer if the limit of open files is less than twice this.
CONNECTIONS_MAX: Final = 4_096


#: Either kind of wrapper around a server's methods.
Interceptor = grpc.aio.ServerInterceptor | Middleware


def make_server(
    guards: Sequence[Interceptor],
    *,
    innermost: Sequence[Middleware] = (),
    shares_port: bool = False,
    is_native: bool = False,
    receive_bytes_max: int = MESSAGE_BYTES_MAX,
) -> tuple[grpc.aio.Server, Any]:
    """Make a server that does not listen yet, and the object that its methods are added to.

    Args:
        guards: Called in this order, gRPC interceptors before middleware. They see a request as
            bytes.
        innermost: Called after all guards; they see a request as a message.
        shares_port: Whether other resolver processes listen on the same port.
        receive_bytes_max: Limit of any request; each method has its own limit below it.
        is_native: Whether HTTP/2 runs in Rust, outside the GIL: plaintext only, on one port.

    Raises:
        MissingExtra: `is_native` is set and the extra is not installed.
    """
    logging.getLogger(GRPC_LOGGER).addFilter(_shows_no_header)
    # gRPC shares a port by default: two processes would silently share its calls.
    own = {"grpc.max_receive_message_length": receive_bytes_max}
    options = [*(dict(OPTIONS) | own).items(), *CONNECTION_OPTIONS]
    options.append(("grpc.so_reuseport", int(shares_port)))
    if not is_native:
        options += [*AIO_OPTIONS, ("grpc.max_allowed_incoming_connections", connections_max())]
    front: Any = grpc.aio
    if is_native:
        front = optional_extras.require_extra(
            "pygrpc_native.aio", "configuration: grpc_front native", "native"
        )
    interceptors = [guard for guard in guards if not isinstance(guard, Middleware)]
    server: grpc.aio.Server = front.server(interceptors=interceptors, options=options)
    middleware = [StreamTimeout(), *(guard for guard in guards if isinstance(guard, Middleware))]
    return server, Methods(server, [*middleware, RequestReader(), *innermost], registers=is_native)


def connections_max() -> int:
    """Limit of connections, so that they never use the files that the process needs itself."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files == resource.RLIM_INFINITY else min(CONNECTIONS_MAX, files // 2)


def add_health(
    methods: Any, servicer: health.GrpcHealth, services: Sequence[str], *, reflects: bool
) -> None:
    """Register health of `services`, and reflection if wanted."""
    add_HealthServicer_to_server(servicer, methods)
    if reflects:
        names = (*services, health.SERVICE, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, methods)


def bind(
    server: grpc.aio.Server, listen: str, credentials: grpc.ServerCredentials | None = None
) -> int:
    """Listen on HOST:PORT, in plaintext without credentials; return the port.

    Raises:
        StartupError: the address is taken, or is not this machine's.
    """
    try:
        if credentials is None:
            port = server.add_insecure_port(listen)
        else:
            port = server.add_secure_port(listen, credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise StartupError(f"cannot listen on {listen}: is another process there?")
    how = "" if credentials is None else " with TLS"
    log.info("gRPC server listening on %s:%d%s", listen.rpartition(":")[0], port, how)
    return port


def bind_socket(server: grpc.aio.Server, path: Path) -> None:
    """Listen on a Unix socket, whose mode is its authentication: owner and group.

    Raises:
        StartupError: the path is too long for a socket, or something else has it.
    """
    if len(os.fsencode(path)) > 107:
        raise StartupError(f"{path}: a Unix socket's path has at most 107 bytes")
    if path.is_socket():
        path.unlink()
    if server.add_insecure_port(f"unix:{path}") == 0:
        raise StartupError(f"cannot listen on {path}")


def restrict_socket(path: Path) -> None:
    """Set the mode of the socket, which exists once the server has started."""
    path.chmod(0o660)


def _shows_no_header(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Invalid encoding")
