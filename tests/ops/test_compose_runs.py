"""compose.yaml's services run: in their images, with its secrets, settings, users and mounts."""

from __future__ import annotations

import asyncio
import json
import shutil

import asyncpg
import pytest

from cqar.embedded.process import run_to_end
from tests.deploy.manifests import Object
from tests.ops.compose_stack import Stack
from tests.ops.containers import Machine
from tests.ops.image_builder import Image
from tests.ops.process_lifetime import START_S, ended
from tests.support.commits import eventually


async def test_writer_and_resolver_run_from_their_images_on_roots_that_cannot_be_written(
    stack: Stack,
) -> None:
    async with stack.up("resolver-1") as resolver:

        async def arrived() -> bool:
            status = json.loads(await stack.tools("status", "--json"))
            (found,) = status["resolvers"]
            return bool(found["revision"] == status["writer"]["revision"] > 1)

        await eventually(arrived, START_S)
        found = json.loads(await stack.tools("resolve", "binance", "BTCUSDT", "--json"))
        assert "BTC/USDT" in json.dumps(found)
        assert await ended(resolver) == 0, stack.said("resolver-1")
    assert (stack.machine.volumes / "resolver-1/last-good").stat().st_size > 0
    said = [*stack.said("writer-1"), *stack.said("resolver-1")]
    # An empty stream is begun, and that is said aloud: it is the first start.
    odd = [line["message"] for line in said if line["level"] != "INFO"]
    assert "publishing RESET to 1:1 (tail none)" in odd
    assert [line for line in said if line["level"] not in ("INFO", "WARNING")] == []


async def test_a_second_writer_runs_beside_the_first_and_ends_when_it_is_told_to(
    stack: Stack,
) -> None:
    async with stack.up("writer-2") as second:
        assert await ended(second) == 0, stack.said("writer-2")
    # Slow connections are tried again, and said to be; anything worse is not.
    said = stack.said("writer-2")
    assert [line for line in said if line["level"] not in ("INFO", "WARNING")] == []


async def test_a_process_of_an_image_can_write_only_what_compose_mounts_for_it(
    whole: Object, machine: Machine, own_images: dict[str, Image]
) -> None:
    probe = (
        "import os, sys\n"
        "for folder in sys.argv[1:]:\n"
        "    try:\n"
        "        open(os.path.join(folder, 'probe'), 'w').close()\n"
        "        print(folder)\n"
        "    except OSError: pass\n"
    )
    places = ("/", "/etc", "/opt/cqar", "/home", "/run/cqar", "/run/secrets", "/var/lib/cqar")
    writable = {}
    for name in ("writer-1", "resolver-1"):
        service = {**whole["services"][name], "entrypoint": ["python", "-c", probe, *places]}
        image = own_images[name.partition("-")[0]]
        command = machine.command(image, {**service, "command": []})
        writable[name] = (await run_to_end(command, timeout_seconds=START_S)).split()
    assert writable == {"writer-1": [], "resolver-1": ["/var/lib/cqar"]}


async def test_a_stranger_is_let_in_by_none_of_the_three(
    accounts: None, nats: None, redis: None, ports: dict[str, int]
) -> None:
    port = ports["postgres"]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://cqar:cqar@127.0.0.1:{port}/cqar")
    for name, asked, refusal in (
        ("nats", b'CONNECT {"verbose":true}\r\n', b"Authorization Violation"),
        ("redis", b"PING\r\n", b"NOAUTH"),
    ):
        reader, sender = await asyncio.open_connection("127.0.0.1", ports[name])
        sender.write(asked)
        said = b""
        async with asyncio.timeout(START_S):
            while refusal not in said:
                part = await reader.read(4096)
                assert part, said
                said += part
        sender.close()


def test_the_tools_that_this_needs_are_here() -> None:
    assert [name for name in ("buildah", "debootstrap", "setpriv") if not shutil.which(name)] == []
