"""64 clients on two writers: no revision missing, no update lost, every projection the same.

For CQAR_SOAK_SECONDS (5 by default; `make soak`: 30) the load runs; then all that was
acknowledged is compared with the outbox, and the outbox with all that is made of it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import grpc
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.api_keys import create_key
from cqar_writer.app import utc_now
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.follower_setup import Follow, require_equal, stands_at
from tests.support.kind_lifecycles import one_of_each
from tests.support.load_clients import Load, Writer
from tests.support.outbox_replay import (
    replay,
    require_acknowledged,
    require_no_lost_update,
    require_same_everywhere,
)
from tests.support.service_processes import service

CLIENTS = 64
COUNTERS = 4
SECONDS = float(os.environ.get("CQAR_SOAK_SECONDS", "5"))
#: Ends a failure; a resolver that follows is never this late.
BEHIND_S = 60.0

log = logging.getLogger(__name__)


async def test_64_clients_on_two_writers_lose_nothing_and_all_projections_agree(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    follow: Follow,
    view: ReplicaState,
    tmp_path: Path,
) -> None:
    mutations = Mutations(engine, utc_now)
    before = await commit(mutations, *one_of_each())
    key = await create_key(mutations, "load", Role.ADMIN)
    settings = {"database_url": database, "nats_url": servers.nats, "redis_url": servers.redis}
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    async with (
        service("writer", folders[0], **settings) as first,
        service("writer", folders[1], **settings) as second,
        follow(1.0),
    ):
        async with (
            grpc.aio.insecure_channel(first.grpc) as one,
            grpc.aio.insecure_channel(second.grpc) as other,
        ):
            load = Load([Writer(one, key), Writer(other, key)])
            await load.run(CLIENTS, COUNTERS, SECONDS)
        assert [first.process.returncode, second.process.returncode] == [None, None]
        replayed = await replay(engine)
        require_acknowledged(load.acknowledged, replayed)
        assert len(load.increments) == COUNTERS
        require_no_lost_update(load.increments, replayed)
        revisions = {one.revision for one in load.acknowledged}
        # Nothing was committed that nobody was told of: those before, and the load's key.
        assert revisions == set(range(before + 2, len(replayed.changes) + 1))
        head = await require_same_everywhere(engine, database, replayed)
        await eventually(lambda: stands_at(view, head.epoch, head.revision), BEHIND_S)
        await require_equal(view, database)
    assert load.aborts > 0, "nobody was ever in anybody's way"
    assert load.repeated > 0
    log.info(
        "%d clients, %.0f s: %d mutations (%.0f/s), %d counted, %d aborted, %d repeated",
        *(CLIENTS, SECONDS, len(revisions), len(revisions) / SECONDS),
        *(load.increments.total(), load.aborts, load.repeated),
    )
