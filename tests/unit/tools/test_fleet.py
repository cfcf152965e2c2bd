"""The arithmetic of a fleet, and that what it is made from is what the product does."""

from __future__ import annotations

from pathlib import Path

import pytest
from cqc.replication.v1 import replication_pb2

from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.follower import STREAM_CHECK_S
from cqar_resolver.replication.postgres import HYDRATE_CONCURRENCY
from cqar_writer.relays.change_relay import HEARTBEAT_S
from tools.fleet import costs
from tools.fleet.capacity_table import table
from tools.fleet.load import Fleet, load_of

DOCUMENT = Path(__file__).parents[3] / "docs/OPERATIONS.md"
QUIET = Fleet(resolvers=1_000, entities=0, commits_per_s=0, commit_bytes=0)


def test_frequencies_are_the_products_defaults() -> None:
    config = ResolverConfig(database_url="postgresql://h/d", nats_url="nats://h:4222")
    assert 1 / config.probe_every_s == costs.PROBES_A_SECOND
    assert costs.STREAM_CHECKS_A_SECOND == 1 / STREAM_CHECK_S
    assert costs.HEARTBEATS_A_SECOND == 1 / HEARTBEAT_S
    assert costs.HYDRATE_CONCURRENCY == config.hydrate_concurrency == HYDRATE_CONCURRENCY


def test_a_heartbeat_is_as_small_as_is_said() -> None:
    head = replication_pb2.Head(
        registry_id=bytes(16),
        epoch=1,
        revision=1_000,
        chain=bytes(32),
        live_count=1_000,
        set_hash=bytes(16),
    )
    message = replication_pb2.StreamMessage(head=head, heartbeat=replication_pb2.Heartbeat())
    assert abs(message.ByteSize() - costs.HEARTBEAT_BYTES) <= 8


def test_twice_the_resolvers_ask_twice_as_much() -> None:
    one, two = load_of(QUIET), load_of(QUIET._replace(resolvers=2_000))
    assert two == pytest.approx([2 * value for value in one])


def test_an_idle_registry_costs_a_heartbeat_and_a_probe_each_second() -> None:
    load = load_of(QUIET)
    assert load.probes_per_s == 1_000
    assert load.messages_per_s == 3_000  # a probe is a question and an answer
    assert load.writer_cores == pytest.approx(0.043)


def test_every_commit_goes_to_every_resolver() -> None:
    busy = QUIET._replace(commits_per_s=10, commit_bytes=1_000)
    idle, load = load_of(QUIET), load_of(busy)
    assert load.messages_per_s - idle.messages_per_s == 10_000
    assert load.egress_mbit_per_s - idle.egress_mbit_per_s == pytest.approx(96)
    assert load.postgres_cores == idle.postgres_cores


def test_a_storm_lasts_as_many_turns_as_it_takes() -> None:
    fleet = QUIET._replace(entities=1_000_000, resolvers=8)
    assert load_of(fleet).storm_s == pytest.approx(4.4)
    assert load_of(fleet._replace(resolvers=9)).storm_s == pytest.approx(8.8)


def test_the_document_shows_what_is_computed() -> None:
    assert table() in DOCUMENT.read_text()
