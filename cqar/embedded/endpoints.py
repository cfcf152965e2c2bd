"""endpoints.json: every address of a running stack, readable by the state folder's user."""

from pathlib import Path

import msgspec

from cqar.embedded.failures import StackNotRunning
from cqar.embedded.lock import holder
from cqar.embedded.private_files import read_private, write_private

ENDPOINTS_NAME = "endpoints.json"
RESOLVERS = "resolvers"


class StackKeys(msgspec.Struct, frozen=True):
    admin: str
    read: str


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of a stack: host:port for CQAR's services, URLs with passwords for the servers.

    `integrity_key_file` is for a `cqar.Replica` of this stack.
    """

    writer: str
    resolvers: list[str]
    resolver_sockets: list[str]
    writer_http: str
    resolver_http: list[str]
    postgres: str
    nats: str
    redis: str
    keys: StackKeys
    pids: dict[str, int]
    integrity_key_file: str = ""


def read_endpoints(state_dir: Path) -> Endpoints:
    """The addresses of the stack that runs in a state folder.

    Raises:
        StackNotRunning: there is none, or it is not ready.
        UnsafePath: the state folder is not this user's alone.
    """
    if holder(state_dir) is None:
        raise StackNotRunning(state_dir, "nobody holds its lock")
    try:
        text = read_private(state_dir / ENDPOINTS_NAME)
    except FileNotFoundError:
        raise StackNotRunning(state_dir, "it is starting or stopping") from None
    document = msgspec.json.decode(text)
    document["pids"].pop(RESOLVERS, None)
    return msgspec.convert(document, Endpoints)


def write_endpoints(state_dir: Path, endpoints: Endpoints) -> None:
    """Write the file atomically. In it `pids` also has `resolvers`, the list of their pids."""
    document = msgspec.to_builtins(endpoints)
    pids = endpoints.pids
    numbers = range(1, len(endpoints.resolvers) + 1)
    document["pids"][RESOLVERS] = [pids.get(f"resolver-{number}", 0) for number in numbers]
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    write_private(state_dir / ENDPOINTS_NAME, text + b"\n")
