"""The command lines and environments of CQAR's own services, and where they listen."""

import os
import sys
from pathlib import Path

import msgspec

from cqar.embedded import probes
from cqar.embedded.process import Command
from cqar.embedded.servers import PORTS, PreparedServers
from cqar.embedded.service import Service

WRITER_GRPC_PORT = 9090
WRITER_HTTP_PORT = 8080


class ListenAddresses(msgspec.Struct, frozen=True):
    """Where one writer or resolver listens: `grpc` and `http` are host:port."""

    grpc: str
    http: str


def preferred_ports(resolvers: int) -> dict[str, int]:
    """A port for every name: the servers', `writer`, `writer-http`, `resolver-1` and so on."""
    ports = PORTS | {"writer": WRITER_GRPC_PORT, "writer-http": WRITER_HTTP_PORT}
    for number in range(1, resolvers + 1):
        ports[f"resolver-{number}"] = WRITER_GRPC_PORT + number
        ports[f"resolver-{number}-http"] = WRITER_HTTP_PORT + number
    return ports


def listen_addresses(name: str, ports: dict[str, int]) -> ListenAddresses:
    return ListenAddresses(
        grpc=f"127.0.0.1:{ports[name]}", http=f"127.0.0.1:{ports[f'{name}-http']}"
    )


def migrate_command(prepared: PreparedServers) -> Command:
    return _command(
        "migrations",
        "cqar_writer.migrations",
        ["upgrade"],
        {"CQAR_DATABASE_URL": prepared.postgres},
    )


def create_key_command(prepared: PreparedServers, at: ListenAddresses, role: str) -> Command:
    """Prints the new key alone on standard output."""
    arguments = ["create-key", "--actor", f"stack-{role}", "--role", role]
    return _command(f"create-key {role}", "cqar_writer", arguments, _writer_env(prepared, at))


def writer_service(prepared: PreparedServers, at: ListenAddresses, logs: Path) -> Service:
    return _service("writer", "cqar_writer", _writer_env(prepared, at), at, logs)


def resolver_service(  # what a resolver is told
    name: str,
    prepared: PreparedServers,
    *,
    at: ListenAddresses,
    socket: Path,
    kept: Path,
    writer_at: ListenAddresses,
    logs: Path,
) -> Service:
    env = _server_env("CQAR_RESOLVER", prepared, at) | {
        "CQAR_RESOLVER_SOCKET": str(socket),
        "CQAR_RESOLVER_LAST_GOOD_FILE": str(kept),
        "CQAR_RESOLVER_WRITER": writer_at.grpc,
    }
    return _service(name, "cqar_resolver", env, at, logs)


def _writer_env(prepared: PreparedServers, at: ListenAddresses) -> dict[str, str]:
    return _server_env("CQAR_WRITER", prepared, at)


def _server_env(prefix: str, prepared: PreparedServers, at: ListenAddresses) -> dict[str, str]:
    return {
        "CQAR_CONFIG": "",  # a file that lies about is not about this stack
        f"{prefix}_REFLECTION": "true",
        f"{prefix}_DATABASE_URL": prepared.postgres,
        f"{prefix}_NATS_URL": prepared.nats,
        f"{prefix}_REDIS_URL": prepared.redis,
        f"{prefix}_INTEGRITY_KEY_FILE": prepared.integrity_key_file,
        f"{prefix}_GRPC_LISTEN": at.grpc,
        f"{prefix}_HTTP_LISTEN": at.http,
    }


def _command(name: str, module: str, arguments: list[str], env: dict[str, str]) -> Command:
    # The caller's environment goes along: CQAR_WRITER_LOG_LEVEL and the like are for its services.
    argv = (sys.executable, "-m", module, *arguments)
    return Command(name=name, argv=argv, env={**os.environ, **env})


def _service(
    name: str, module: str, env: dict[str, str], at: ListenAddresses, logs: Path
) -> Service:
    command = _command(name, module, ["serve"], env)
    return Service(
        name=name,
        argv=command.argv,
        env=command.env,
        ready=probes.http(at.http, "/health/ready"),
        log=logs / f"{name}.log",
    )
