"""Command lines, environments and addresses of CQAR's own services."""

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
    """The host:port addresses on which one writer or resolver listens."""

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


def migrate_command(servers: PreparedServers) -> Command:
    env = {"CQAR_DATABASE_URL": servers.postgres}
    return _command("migrations", "cqar_writer.migrations", ["upgrade"], env)


def create_key_command(servers: PreparedServers, listen: ListenAddresses, role: str) -> Command:
    """A command that prints the new key, and nothing else, on standard output."""
    arguments = ["create-key", "--actor", f"stack-{role}", "--role", role]
    env = _server_env("CQAR_WRITER", servers, listen)
    return _command(f"create-key {role}", "cqar_writer", arguments, env)


def writer_service(servers: PreparedServers, listen: ListenAddresses, logs: Path) -> Service:
    env = _server_env("CQAR_WRITER", servers, listen)
    return _service("writer", "cqar_writer", env, listen, logs)


def resolver_service(
    name: str,
    servers: PreparedServers,
    *,
    listen: ListenAddresses,
    socket: Path,
    last_good_file: Path,
    writer: ListenAddresses,
    logs: Path,
) -> Service:
    env = _server_env("CQAR_RESOLVER", servers, listen) | {
        "CQAR_RESOLVER_SOCKET": str(socket),
        "CQAR_RESOLVER_LAST_GOOD_FILE": str(last_good_file),
        "CQAR_RESOLVER_WRITER": writer.grpc,
    }
    return _service(name, "cqar_resolver", env, listen, logs)


def _server_env(prefix: str, servers: PreparedServers, listen: ListenAddresses) -> dict[str, str]:
    return {
        "CQAR_CONFIG": "",  # a config.yaml in the current folder is not for this stack
        f"{prefix}_REFLECTION": "true",
        f"{prefix}_DATABASE_URL": servers.postgres,
        f"{prefix}_NATS_URL": servers.nats,
        f"{prefix}_REDIS_URL": servers.redis,
        f"{prefix}_INTEGRITY_KEY_FILE": servers.integrity_key_file,
        f"{prefix}_GRPC_LISTEN": listen.grpc,
        f"{prefix}_HTTP_LISTEN": listen.http,
    }


def _command(name: str, module: str, arguments: list[str], env: dict[str, str]) -> Command:
    # The caller's environment is passed on: CQAR_WRITER_LOG_LEVEL and the like are for services.
    argv = (sys.executable, "-m", module, *arguments)
    return Command(name=name, argv=argv, env={**os.environ, **env})


def _service(
    name: str, module: str, env: dict[str, str], listen: ListenAddresses, logs: Path
) -> Service:
    command = _command(name, module, ["serve"], env)
    return Service(
        name=name,
        argv=command.argv,
        env=command.env,
        ready=probes.http(listen.http, "/health/ready"),
        log=logs / f"{name}.log",
    )
