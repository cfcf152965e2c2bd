"""`cqar-resolver serve --workers N`: several processes on one port."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import get_args

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from nats.aio.client import Client

from cqar.embedded import probes
from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import Front, ResolverConfig
from cqar_resolver.process.workers import settings_of
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.service_processes import pick_listens, start

WAIT_S = 60


def test_what_only_one_can_have_is_each_workers_own() -> None:
    config = ResolverConfig(
        database_url="", nats_url="", http_listen="[::1]:8081", socket="/s", last_good_file="/f"
    )
    first, third = settings_of(config, 0), settings_of(config, 2)
    assert (first.http_listen, first.socket, first.last_good_file) == ("[::1]:8081", "/s", "/f")
    assert (third.http_listen, third.socket, third.last_good_file) == ("[::1]:8083", "/s.2", "/f.2")


async def answering(address: str) -> bool:
    # A connection of its own each time: the kernel gives it to one of the workers.
    async with grpc.aio.insecure_channel(
        address, options=[("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        answer = await ResolverStub(channel).GetStatus(pb.GetStatusRequest(), timeout=WAIT_S)
    return answer.head.revision == 1


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
async def seeded(client: Client, mutations: Mutations, database: str) -> str:
    assert client.is_connected
    await commit(mutations, a_venue())
    return database


@pytest.mark.parametrize("front", get_args(Front))
async def test_workers_share_a_port_are_started_again_and_end_together(
    servers: EmbeddedServers, seeded: str, tmp_path: Path, front: str
) -> None:
    listens = pick_listens("one", "two")
    ports = sorted(int(listens[name]["http_listen"].rpartition(":")[2]) for name in listens)
    # Two HTTP ports in a row: the second worker's is the first's and one.
    http = f"127.0.0.1:{ports[0]}"
    grpc_at = listens["one"]["grpc_listen"]
    settings = {"database_url": seeded, "nats_url": servers.nats, "http_listen": http}
    settings["grpc_front"] = front
    log = tmp_path / "resolver.log"
    process = await start(
        "resolver", log, "serve", "--workers", "2", grpc_listen=grpc_at, **settings
    )
    try:
        second = f"127.0.0.1:{ports[0] + 1}"
        for address in (http, second):
            await eventually(probes.http(address, "/health/ready"), WAIT_S)
        assert all(await asyncio.gather(*(answering(grpc_at) for _ in range(10))))
        workers = children_of(process.pid)
        assert len(workers) == 2, log.read_text()
        os.kill(workers[1], signal.SIGKILL)

        def replaced() -> bool:
            now = children_of(process.pid)
            return len(now) == 2 and workers[1] not in now

        await eventually(replaced, WAIT_S)
        await eventually(probes.http(second, "/health/ready"), WAIT_S)
        assert all(await asyncio.gather(*(answering(grpc_at) for _ in range(10))))
        left = children_of(process.pid)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            assert await process.wait() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in left)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_workers_end_also_where_their_parent_was_killed_before_they_looked(
    servers: EmbeddedServers, seeded: str, tmp_path: Path
) -> None:
    listens = pick_listens("one")["one"]
    log = tmp_path / "resolver.log"
    process = await start(
        *("resolver", log, "serve", "--workers", "2"),
        database_url=seeded,
        nats_url=servers.nats,
        grpc_listen=listens["grpc_listen"],
        http_listen="127.0.0.1:0",
    )
    await eventually(lambda: len(children_of(process.pid)) == 2, WAIT_S)
    workers = children_of(process.pid)
    process.kill()
    await process.wait()

    def are_gone() -> bool:
        return not any(map(is_running, workers))

    try:
        await eventually(are_gone, WAIT_S)
    finally:
        for worker in filter(is_running, workers):
            os.kill(worker, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """One that ended and that nobody has asked about is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("how", "front"), [(("--workers", "2"), "aio"), ((), "aio"), ((), "native")]
)
async def test_a_port_that_somebody_has_is_refused(
    servers: EmbeddedServers, seeded: str, tmp_path: Path, how: tuple[str, ...], front: str
) -> None:
    server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    log = tmp_path / "resolver.log"
    process = await start(
        *("resolver", log, "serve", *how),
        database_url=seeded,
        nats_url=servers.nats,
        grpc_listen=f"127.0.0.1:{port}",
        http_listen="127.0.0.1:0",
        grpc_front=front,
    )
    async with asyncio.timeout(WAIT_S):
        assert await process.wait() == 1
    server.close()
    await server.wait_closed()
    assert f"cannot listen on 127.0.0.1:{port}" in log.read_text()
