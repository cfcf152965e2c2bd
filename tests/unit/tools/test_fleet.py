"""What the arithmetic of a fleet is made from is what the product does."""

from __future__ import annotations

from pathlib import Path

from cqc.replication.v1 import replication_pb2

from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.head_probe import STREAM_CHECK_S
from cqar_resolver.replication.postgres import HYDRATE_CONCURRENCY
from cqar_writer.relays.change_relay import HEARTBEAT_S
from tools.fleet import costs
from tools.fleet.capacity_table import table

DOCUMENT = Path(__file__).parents[3] / "docs/OPERATIONS.md"


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


def test_the_document_shows_what_is_computed() -> None:
    assert table() in DOCUMENT.read_text()
