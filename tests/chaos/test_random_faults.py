"""Several faults at once, drawn at random, round after round.

CQAR_CHAOS_SECONDS says for how long rounds begin (0: one round), CQAR_CHAOS_SEED=n draws them
again; the servers' own timing is not drawn, so a seed repeats the schedule and not the race.
"""

from __future__ import annotations

import asyncio
import logging
import random

from tests.chaos.cluster import Cluster
from tests.chaos.fault_runner import run_faults
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.soak_settings import CHAOS_SECONDS, chaos_seed

AT_ONCE_MAX = 3

log = logging.getLogger(__name__)


def drawn(chance: random.Random) -> list[Fault]:
    """One to three faults of different victims."""
    shuffled = chance.sample(FAULTS, len(FAULTS))
    if not CHAOS_SECONDS:
        shuffled = [fault for fault in shuffled if not fault.long]
    chosen: list[Fault] = []
    struck: set[str] = set()
    for fault in shuffled:
        victims = set(fault.victim.split())
        if not victims & struck:
            chosen.append(fault)
            struck |= victims
    return chosen[: chance.randint(1, AT_ONCE_MAX)]


async def test_several_faults_at_once_lose_nothing_either(cluster: Cluster) -> None:
    seed = chaos_seed()
    chance = random.Random(seed)
    until_s = asyncio.get_running_loop().time() + CHAOS_SECONDS
    rounds = 0
    while rounds == 0 or asyncio.get_running_loop().time() < until_s:
        faults = drawn(chance)
        named = ", ".join(fault.name for fault in faults)
        log.info("CQAR_CHAOS_SEED=%d round %d: %s", seed, rounds, named)
        await run_faults(cluster, *faults, seed=chance.getrandbits(32))
        rounds += 1
