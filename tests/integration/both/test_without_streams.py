"""NATS without JetStream: heads are told, and resolvers stay LIVE by them and the outbox."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar.embedded import wheels
from cqar_resolver.config import ResolverConfig
from cqar_writer.config import WriterConfig
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.follower_setup import resolving, writing


@contextmanager
def nats_without_jetstream() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [str(wheels.nats_server()), "-a", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


async def test_a_resolver_stays_live_and_current_where_there_are_no_streams(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_resolver.replication.head_probe.STREAM_CHECK_S", 0.2)
    with nats_without_jetstream() as nats:
        urls = {"database_url": database, "nats_url": nats}
        told = ResolverConfig(**urls, stale_after_s=2, probe_every_s=0.2)
        async with writing(WriterConfig(**urls)) as writer, resolving(told) as resolver:
            view = resolver.view
            await eventually(lambda: view.is_complete and view.freshness.is_confirmed)
            began_ns = view.freshness.confirmed_ns or 0
            revision = 0
            while (view.freshness.confirmed_ns or 0) < began_ns + 3e9:
                revision = await commit(writer.mutations, a_venue(f"v{revision}"))
                await eventually(lambda at=revision: view.snapshot.position.revision == at)
                assert view.state == pb.SNAPSHOT_STATE_LIVE
            assert revision > 1
