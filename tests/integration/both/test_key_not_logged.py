"""An API key is in no log and no error, whatever stands around it in its header."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub

from cqar.embedded.ports import pick_ports
from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.api_keys import create_key
from cqar_writer.mutations import Mutations
from tests.support.http2_client import Header, call
from tests.support.service_processes import Running, service

LIST_KEYS = "/cqc.writer.v1.RegistryAdmin/ListApiKeys"
RESOLVE = "/cqc.resolver.v1.Resolver/Resolve"
#: What stands before and behind the key.
STRANGE = [
    *((b"", b"\n"), (b"", b"\r\n"), (b"", b"\0"), (b"", b" "), (b"", b"\t"), (b"", b"\x01")),
    *(
        (b"", b"\xe4"),
        (b"", b"\xff\xfe"),
        (b"", "ä".encode()),
        (b"\x80", b""),
        (b"\xef\xbb\xbf", b""),
    ),
    (b"", b"\r\nx-other: \xff"),
    (b"x" * 300, b"\xff"),
]


@pytest.fixture
async def key(mutations: Mutations) -> str:
    return await create_key(mutations, "tester", Role.ADMIN)


def headers_with(key: bytes) -> list[list[Header]]:
    """A call's headers each: the key under the names that it may have, and under some others."""
    found: list[list[Header]] = []
    for before, behind in STRANGE:
        value = before + key + behind
        found.append([(b"authorization", b"Bearer " + value)])
        found.append([(b"x-api-key", value)])
        found.append([(b"x-api-key", value), (b"authorization", b"Basic " + value)])
    found.append([(b"Authorization", b"Bearer " + key)])
    found.append([(b"authorization-bin", key)])
    found.append([(b"x-api-key", key + b"\xff")] * 2)
    return found


async def abuse(running: Running, address: str, path: str, key: str) -> None:
    """Call with each of them; the log has none of the key, and tells of the calls."""
    answers = [await call(address, path, headers) for headers in headers_with(key.encode())]
    assert all(key.encode() not in answer for answer in answers)
    await running.terminate()
    log = running.log.read_text(errors="replace")
    assert "stopping" in log
    # Half of it is enough to know it by.
    assert key not in log
    assert key[5:27] not in log
    assert "cygrpc" not in log


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_a_writer_does_not_log_it(
    log_format: str, servers: EmbeddedServers, database: str, key: str, tmp_path: Path
) -> None:
    settings = {"log_level": "DEBUG", "log_format": log_format, "nats_url": servers.nats}
    async with service("writer", tmp_path, database_url=database, **settings) as writer:
        valid = await call(writer.grpc, LIST_KEYS, [(b"x-api-key", key.encode())])
        assert b"tester" in valid, "this is how a call is made"
        await abuse(writer, writer.grpc, LIST_KEYS, key)


@pytest.mark.parametrize("front", ["aio", "native"])
async def test_a_resolver_does_not_log_it(
    front: str, servers: EmbeddedServers, database: str, key: str, tmp_path: Path
) -> None:
    port = pick_ports({"grpc": 9091})["grpc"]
    settings = {
        "database_url": database,
        "nats_url": servers.nats,
        "log_level": "DEBUG",
        "grpc_front": front,
        "grpc_listen": f"0.0.0.0:{port}",
        "plaintext_anywhere": "true",
    }
    async with service("resolver", tmp_path, **settings) as resolver:
        address = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(address) as channel:
            asked = resolver_pb2.ResolveRequest(venue_id="a", venue_symbol="b")
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await ResolverStub(channel).Resolve(asked, metadata=(("x-api-key", key),))
            assert unknown.value.code() is not grpc.StatusCode.UNAUTHENTICATED
        await abuse(resolver, address, RESOLVE, key)


async def run(*argv: str, **environ: str) -> str:
    """What a command line writes to either of its outputs, gRPC's own lines included."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", *argv),
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode != 0
    return output.decode(errors="replace")


@pytest.mark.parametrize(
    ("way", "behind"),
    [
        *(("CQAR_KEY", "ä"), ("CQAR_KEY", "\n\nx"), ("CQAR_KEY", "\udce4")),
        *(("--key", "\x01"), ("--key", " and more")),
    ],
)
async def test_the_command_line_refuses_a_key_of_another_form_without_showing_it(
    way: str, behind: str
) -> None:
    key = "cqar_" + "k" * 43
    command = ("--writer", "127.0.0.1:1", "asset", "list")
    if way == "CQAR_KEY":
        said = await run(*command, CQAR_KEY=key + behind)
    else:
        said = await run("--key", key + behind, *command)
    assert "of the API key is one that no key has" in said
    assert way in said
    assert "kkkk" not in said
    assert "Traceback" not in said


async def test_a_key_in_another_place_of_the_command_line_is_not_repeated() -> None:
    key = "cqar_" + "k" * 43
    for argv in (("status", key), (key,), ("keys", "make", "me", "--role", key)):
        said = await run(*argv)
        assert "not shown" in said
        assert "kkkk" not in said
