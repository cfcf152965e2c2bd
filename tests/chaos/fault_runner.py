"""Faults under load: what was acknowledged stays, no answer is wrong, and all heals."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections import Counter
from typing import Final

from tests.chaos.answer_check import require_right
from tests.chaos.cluster import Cluster
from tests.chaos.convergence import healed_after, require_equal
from tests.chaos.event_check import require_events
from tests.chaos.faults import Fault
from tests.chaos.readers import Reader, reading
from tests.chaos.write_load import WriteLoad
from tests.support.commits import head_of
from tests.support.outbox_replay import (
    replay,
    require_acknowledged,
    require_no_lost_update,
    require_same_everywhere,
)

#: The load before a fault, and after it healed.
BEFORE_S: Final = 0.5
AFTER_S: Final = 1.0
#: Several faults are struck within so many seconds of each other.
APART_S: Final = 0.5

log = logging.getLogger(__name__)
_numbers = itertools.count()


async def run_faults(cluster: Cluster, *faults: Fault, seed: int = 0) -> float:
    """Strike with these faults, and prove that nothing came of them.

    Args:
        seed: Of what readers ask for, and of how far apart several faults are struck.

    Returns:
        Seconds from the faults' end until all resolvers were LIVE and equal again, while the
        load went on.

    Raises:
        AssertionError: Something acknowledged is gone, an answer was wrong or went back, an
            event is missing, or resolvers do not equal PostgreSQL 5 s after the load's end.
    """
    names = ", ".join(fault.name for fault in faults)
    chance = random.Random(seed)
    before = await head_of(cluster.engine)
    load = WriteLoad(cluster.clients(), f"{next(_numbers)}")
    readers = [
        Reader(name, reads)
        for name, reads in zip(("first", "second", "both"), cluster.reads(), strict=True)
    ]
    async with load.running(), reading(readers, load, seed):
        await asyncio.sleep(BEFORE_S)
        ended_s = max(await asyncio.gather(*(_strike(cluster, fault, chance) for fault in faults)))
        healed_s = await healed_after(cluster, load, ended_s)
        await cluster.until_ready()
        await asyncio.sleep(AFTER_S)
    await require_equal(cluster)
    replayed = await replay(cluster.engine)
    head = await require_same_everywhere(cluster.engine, cluster.database, replayed)
    assert head.epoch == before.epoch, "a new epoch began, and PostgreSQL had lost nothing"
    require_acknowledged(load.acknowledged, replayed)
    # What was sent again was made once: no revision is there that nobody was told of.
    made = set(range(before.revision + 1, head.revision + 1))
    assert {one.revision for one in load.acknowledged} == made
    require_no_lost_update(load.increments, replayed)
    answers = [*load.answers, *(answer for reader in readers for answer in reader.answers)]
    compared = require_right(answers, replayed)
    assert all(reader.answers for reader in readers)
    assert await require_events(cluster) > len(load.acknowledged)
    refused = sum((reader.refused for reader in readers), Counter[str]())
    log.info(
        "%s: healed in %.2f s; %d acknowledged, %s unanswered; %d answers right, refused %s",
        *(names, healed_s, len(load.acknowledged), dict(load.unanswered), compared, dict(refused)),
    )
    return healed_s


async def _strike(cluster: Cluster, fault: Fault, chance: random.Random) -> float:
    await asyncio.sleep(chance.uniform(0, APART_S))
    return await fault.strike(cluster)
