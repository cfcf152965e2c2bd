"""Which runs there are to make: on a stack of our own, or on a server that somebody names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cqc.resolver.v1 import resolver_pb2
from cqc.writer.v1 import registry_admin_pb2

from cqar.admin.connection import CallFailed, Connection
from cqar.admin.rpc_catalog import RESOLVER, WRITER
from cqar.embedded.endpoints import Endpoints
from loadtests.locust_runner import LoadFailed, LoadRun
from loadtests.mixes import ADMIN, MIXES, Mix

ALL: Final = tuple(MIXES.values())


def runs_on_stack(endpoints: Endpoints, chosen: Sequence[Mix] = ALL) -> list[LoadRun]:
    """Each mix on each server that it is for."""
    at = {WRITER: endpoints.writer, RESOLVER: endpoints.resolvers[0]}
    keys = {WRITER: endpoints.keys.admin, RESOLVER: ""}
    return [
        LoadRun(mix, server, at[server], keys[server]) for mix in chosen for server in mix.servers
    ]


def runs_on_host(address: str, key: str, chosen: Sequence[Mix]) -> list[LoadRun]:
    """The mixes that this server can answer; one that changes things only if it was chosen.

    Args:
        chosen: Empty: all that change nothing.

    Raises:
        CallFailed: It does not answer, or wants another key.
        LoadFailed: None of the chosen is for such a server.
    """
    server = server_at(address, key)
    wanted = chosen or [mix for mix in ALL if mix is not ADMIN]
    runs = [LoadRun(mix, server, address, key) for mix in wanted if server in mix.servers]
    if not runs:
        names = ", ".join(mix.name for mix in wanted)
        raise LoadFailed(f"{address} is a {server}: nothing for {names}")
    return runs


def server_at(address: str, key: str) -> str:
    """Whether a writer or a resolver answers there.

    Raises:
        CallFailed: Nobody does, or it wants another key.
    """
    with Connection(address, key) as server:
        try:
            server.call(server.resolver.GetStatus, resolver_pb2.GetStatusRequest())
        except CallFailed as error:
            if error.reason != "WRONG_SERVICE":
                raise
            server.call(server.admin.GetHead, registry_admin_pb2.GetHeadRequest())
            return WRITER
    return RESOLVER
