"""A resolver's states from its start on, as answers, metrics and the log tell them."""

from __future__ import annotations

import logging
import re

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from prometheus_client import REGISTRY

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.follower_setup import resolving, writing
from tests.support.tcp_proxy import link_to

TIMEOUT_S = 30


async def test_it_loads_without_nats_and_says_that_it_cannot_confirm_what_it_has(
    servers: EmbeddedServers, database: str, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    await servers.kill("nats")
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=0.2, stale_after_s=2
    )
    try:
        async with resolving(config) as resolver:
            view = resolver.view
            await eventually(lambda: view.is_complete, TIMEOUT_S)
            assert view.snapshot.get("venue", "binance") is not None
            await eventually(view.ready.is_set, TIMEOUT_S)
            # PostgreSQL may be a replica: that it was read confirms nothing.
            assert view.state == pb.SNAPSHOT_STATE_LAST_GOOD
            assert view.freshness.staleness_ms is None
            assert view.reason == "no writer has confirmed it yet"
    finally:
        await servers.restart("nats")


async def test_every_change_of_state_is_one_line_of_the_log_that_says_why(
    servers: EmbeddedServers,
    database: str,
    client: Client,
    mutations: Mutations,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert client.is_connected
    caplog.set_level(logging.INFO, "cqar_resolver.background.state_reporter")
    await commit(mutations, a_venue())
    async with link_to(servers.nats) as (link, nats):
        config = ResolverConfig(
            database_url=database, nats_url=nats, probe_every_s=0.1, stale_after_s=2
        )
        settings = WriterConfig(database_url=database, nats_url=servers.nats)
        async with writing(settings), resolving(config) as resolver:
            view = resolver.view
            await eventually(lambda: view.state == pb.SNAPSHOT_STATE_LIVE, TIMEOUT_S)
            link.open.clear()
            await eventually(lambda: view.state == pb.SNAPSHOT_STATE_STALE, TIMEOUT_S)
            link.open.set()
            await eventually(lambda: view.state == pb.SNAPSHOT_STATE_LIVE, TIMEOUT_S)
            await eventually(lambda: states(caplog)[-1].startswith("STALE -> LIVE"), TIMEOUT_S)
    lines = states(caplog)
    moves = [re.sub(r" at revision .*", "", line) for line in lines]
    # LIVE from the start, unless the writer did not answer at once.
    assert moves[1] in {"HYDRATING -> LIVE", "HYDRATING -> LAST_GOOD"}
    assert moves[-2:] == ["LIVE -> STALE", "STALE -> LIVE"]
    assert "at revision 1:1: a writer confirmed the head" in lines[-1]
    assert re.search(r"at revision 1:1: not confirmed for \d+ ms: no writer answers", lines[-2])


def states(caplog: pytest.LogCaptureFixture) -> list[str]:
    told = (record.getMessage() for record in caplog.records)
    return [text.removeprefix("state ") for text in told if text.startswith("state ")]


def test_what_operators_watch_is_measured() -> None:
    names = {metric.name for metric in REGISTRY.collect()}
    resolvers = {
        *("revision", "epoch", "lag_revisions", "staleness_ms", "state", "apply_seconds"),
        *("hydrate_seconds", "gaps", "catch_ups", "rehydrates", "epochs", "lookups"),
        *("kept_revision", "keep_seconds", "entities", "applied", "watchers", "denied"),
        "lookup_seconds",
    }
    writers = {
        *("cqar_writer_revision", "cqar_writer_epoch", "cqar_epoch_bumps", "cqar_relay_leader"),
        *("cqar_outbox_lag_revisions", "cqar_relay_published_revision", "cqar_image_revision"),
    }
    assert {f"cqar_resolver_{name}" for name in resolvers} | writers <= names


async def test_what_does_not_fit_is_not_loaded_and_the_log_says_what_to_do(
    servers: EmbeddedServers,
    database: str,
    client: Client,
    mutations: Mutations,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert client.is_connected
    await commit(mutations, a_venue())
    config = ResolverConfig(database_url=database, nats_url=servers.nats, memory_limit_mib=1)
    async with resolving(config) as resolver:
        await eventually(lambda: "raise it, and the container's limit" in caplog.text, TIMEOUT_S)
        assert resolver.view.state == pb.SNAPSHOT_STATE_HYDRATING
