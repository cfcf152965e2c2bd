"""Every partition of a writer or a resolver from what it stands on heals by itself.

All links of both are partitioned at once, in one way after the other: each must heal without the
others' help. How long each alone takes is measured by `python -m tests.chaos.partitions`.
"""

from __future__ import annotations

import itertools
import logging

import pytest
from nats.aio.client import Client

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.redis_store.cache import Cache
from cqar_writer.mutations import Mutations
from tests.support.partition_matrix import SERVERS, SUBJECTS, stack_behind_links
from tests.support.partitioned_link import KINDS

log = logging.getLogger(__name__)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_partitioned_is_done_again(
    kind: str,
    servers: EmbeddedServers,
    database: str,
    mutations: Mutations,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tests share two slow cores: what is tried is not whether Redis takes 20 ms.
    monkeypatch.setitem(Cache.__init__.__kwdefaults__, "timeout_s", 0.5)  # type: ignore[arg-type]
    async with stack_behind_links(servers, database, mutations, client) as stack:
        healed = await stack.partition(kind, list(itertools.product(SUBJECTS, SERVERS)))
        log.info("%s: %s", kind, healed)
