"""The load of a fleet on what it shares. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from tools.fleet import costs


class Fleet(NamedTuple):
    """Who asks.

    Attributes:
        resolvers: Those that follow the stream themselves.
        entities: In the registry.
        commits_per_s: Change sets.
        commit_bytes: Of one change set, compressed.
    """

    resolvers: int
    entities: int
    commits_per_s: float
    commit_bytes: int


class Load(NamedTuple):
    """What it comes to. Cores are of the machine that was measured.

    Attributes:
        probes_per_s: At all writers together.
        messages_per_s: That NATS delivers: heartbeats, commits, probes with their answers.
        egress_mbit_per_s: Of NATS, to resolvers and writers.
        storm_s: Until all have loaded from PostgreSQL, if all start at once and none from Redis.
        storm_gib: What PostgreSQL, or Redis, sends for that.
    """

    probes_per_s: float
    messages_per_s: float
    writer_cores: float
    nats_cores: float
    postgres_cores: float
    egress_mbit_per_s: float
    storm_s: float
    storm_gib: float


def load_of(fleet: Fleet) -> Load:
    """What a fleet that follows steadily asks, and what a start of all at once would."""
    many = fleet.resolvers
    probes = many * costs.PROBES_A_SECOND
    heartbeats = many * costs.HEARTBEATS_A_SECOND
    commits = many * fleet.commits_per_s
    # A commit that is delivered was not measured: taken for as much as a probe's two messages.
    follower_us = costs.NATS_US_A_FOLLOWER_SECOND + fleet.commits_per_s * costs.NATS_US_A_PROBE
    nats_us = (
        probes * costs.NATS_US_A_PROBE
        + many * costs.STREAM_CHECKS_A_SECOND * costs.NATS_US_A_PROBE
        + many * follower_us
    )
    egress_bytes = (
        heartbeats * (costs.HEARTBEAT_BYTES + costs.AROUND_BYTES)
        + commits * (fleet.commit_bytes + costs.AROUND_BYTES)
        + probes * (costs.ANSWER_BYTES + 2 * costs.AROUND_BYTES)
    )
    turns = math.ceil(many / costs.HYDRATE_CONCURRENCY)
    return Load(
        probes_per_s=probes,
        messages_per_s=heartbeats + commits + 2 * probes,
        writer_cores=probes * costs.WRITER_US_A_PROBE / 1e6,
        nats_cores=nats_us / 1e6,
        postgres_cores=probes * costs.POSTGRES_US_A_PROBE / 1e6,
        egress_mbit_per_s=egress_bytes * 8 / 1e6,
        storm_s=turns * fleet.entities * costs.SCAN_US_AN_ENTITY / 1e6,
        storm_gib=many * fleet.entities * costs.BYTES_AN_ENTITY / 2**30,
    )
