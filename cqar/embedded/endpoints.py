"""endpoints.json: every address of a running stack, for whoever may read the state folder."""

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
    """The addresses of CQAR's services are host:port, those of the servers URLs with secrets.

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
    """The addresses of the stack running there. Raises StackNotRunning, UnsafePath."""
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
    """Write it whole. In the file `pids` has the addresses' names too: `resolvers` is a list."""
    document = msgspec.to_builtins(endpoints)
    pids = endpoints.pids
    numbers = range(1, len(endpoints.resolvers) + 1)
    document["pids"][RESOLVERS] = [pids.get(f"resolver-{number}", 0) for number in numbers]
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    write_private(state_dir / ENDPOINTS_NAME, text + b"\n")
