"""Runs the examples against a stack, each as the line that is printed, and keeps what came back."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from cqc.resolver.v1 import resolver_pb2
from cqc.writer.v1 import registry_admin_pb2

from cqar import catalogue
from cqar.admin.connection import CallFailed, Connection
from cqar.admin.rpc_catalog import RESOLVER, WRITER, Rpc, rpcs
from cqar.cli import cli
from cqar.embedded.endpoints import Endpoints
from cqar_shared.errors import Misdirected, Unimplemented
from tools.api_docs.examples import Example, Examples

CLIENT: Final = Path(__file__).with_name("client.py")
CLIENT_TIMEOUT_S: Final = 60
LIVE_TIMEOUT_S: Final = 60


class ExampleFailed(Exception):
    """An example did not do what it is an example of."""


class Shown(NamedTuple):
    """An example and what came of it: documents, or an error.

    Attributes:
        documents: The answer; several of a stream.
    """

    example: Example
    documents: list[Any]
    error: CallFailed | None


#: Who answers an RPC in this release.
Served = tuple[str, ...]


class Ran(NamedTuple):
    """All that was asked of a stack.

    Attributes:
        served: RPC -> who answers it.
        client_output: What the Python client printed.
    """

    before: Shown
    calls: list[Shown]
    served: dict[str, Served]
    client_output: str


def run_examples(endpoints: Endpoints, examples: Examples) -> Ran:
    """Load the catalogue into an empty registry, then run every example, in order.

    Raises:
        ExampleFailed: One was answered otherwise than it says of itself.
    """
    writer = Connection(endpoints.writer, endpoints.keys.admin)
    resolver = Connection(endpoints.resolvers[0])
    with writer, resolver:
        catalogue.load(writer, dt.datetime.now(dt.UTC))
        before = _run(endpoints, examples.before)
        calls = []
        for example in examples.calls:
            if RESOLVER in (example.to, rpcs()[example.rpc].home):
                _catch_up(writer, resolver)
            calls.append(_run(endpoints, example))
        served = {name: _served(rpc, resolver) for name, rpc in rpcs().items()}
    return Ran(before, calls, served, _run_client(endpoints))


def _run(endpoints: Endpoints, example: Example) -> Shown:
    to = ["--writer", endpoints.writer, "--resolver", endpoints.resolvers[0]]
    key = ["--key", endpoints.keys.admin]
    out = io.StringIO()
    failed = None
    try:
        with contextlib.redirect_stdout(out):
            cli([*to, *key, *example.arguments], standalone_mode=False)
    except CallFailed as error:
        failed = error
    _require_expected(example, failed)
    return Shown(example, _documents(out.getvalue(), example), failed)


def _require_expected(example: Example, failed: CallFailed | None) -> None:
    wanted = Unimplemented.reason if example.unanswered else example.fails
    found = (failed.reason or failed.code) if failed else ""
    if found != wanted:
        said = f"failed with {found}: {failed}" if failed else "was answered"
        raise ExampleFailed(f"{example.line}\n{said}; the example says {wanted or 'answered'}")


def _documents(text: str, example: Example) -> list[Any]:
    if rpcs()[example.rpc].streams:
        return [json.loads(line) for line in text.splitlines()]
    return [json.loads(text)] if text else []


def _catch_up(writer: Connection, resolver: Connection) -> None:
    """Wait until the resolver holds all that the writer committed, and is sure of it."""
    head = writer.call(writer.admin.GetHead, registry_admin_pb2.GetHeadRequest()).head
    wanted = ("cqar-min-revision", f"{head.epoch}:{head.revision}")
    deadline = time.monotonic() + LIVE_TIMEOUT_S
    request = resolver_pb2.GetStatusRequest()
    while True:
        answer = resolver.call(resolver.resolver.GetStatus, request, metadata=[wanted])
        if answer.freshness.state == resolver_pb2.SNAPSHOT_STATE_LIVE:
            return
        if time.monotonic() > deadline:
            raise ExampleFailed(f"{resolver.address} is not LIVE after {LIVE_TIMEOUT_S} s")
        time.sleep(0.1)


def _served(rpc: Rpc, resolver: Connection) -> Served:
    """Who answers an RPC; a resolver is asked with an empty request, which changes nothing."""
    by = (WRITER,) if rpc.home == WRITER else ()
    if rpc.service.endswith(".RegistryAdmin"):
        return by
    try:
        answers = resolver.stream if rpc.streams else resolver.call
        found = answers(resolver.method(rpc.service, rpc.name), rpc.request())
        if rpc.streams:
            next(found, None)
    except CallFailed as error:
        if error.reason in (Misdirected.reason, Unimplemented.reason):
            return by
    return (*by, RESOLVER)


def _run_client(endpoints: Endpoints) -> str:
    """What the Python client of the page prints."""
    done = subprocess.run(  # noqa: S603  (our own words)
        [sys.executable, CLIENT],
        env={
            **os.environ,
            "CQAR_WRITER": endpoints.writer,
            "CQAR_RESOLVER": endpoints.resolvers[0],
            "CQAR_KEY": endpoints.keys.admin,
        },
        capture_output=True,
        text=True,
        timeout=CLIENT_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise ExampleFailed(f"{CLIENT.name}: {done.stderr}")
    return done.stdout
