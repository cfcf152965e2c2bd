"""Random schedules of faults over the real cores; every one keeps the ten invariants.

CQAR_FUZZ_SCHEDULES says how many (20,000), CQAR_FUZZ_SEED=n runs that one alone.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.protocol.fuzzing import CHUNK, Progress, first_failure_in
from tests.protocol.schedule import failure_of

SCHEDULES = int(os.environ.get("CQAR_FUZZ_SCHEDULES", "20000"))
SEED = os.environ.get("CQAR_FUZZ_SEED")


def test_every_schedule_of_faults_keeps_the_invariants() -> None:
    if SEED is not None:
        failure = failure_of(int(SEED))
        assert failure is None, f"\n{failure}"
        return
    chunks = [range(at, min(at + CHUNK, SCHEDULES)) for at in range(0, SCHEDULES, CHUNK)]
    progress = Progress(SCHEDULES)
    # What a fault makes the real code say is of no interest, ten times a schedule.
    quiet = {"initializer": logging.disable, "initargs": (logging.ERROR,)}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=spawn, **quiet) as pool:
        for seeds, failure in zip(chunks, pool.map(first_failure_in, chunks), strict=True):
            progress.ran(len(seeds))
            if failure is not None:
                pool.shutdown(cancel_futures=True)
                pytest.fail(f"{failure}\nagain: CQAR_FUZZ_SEED={failure.seed}")
    assert progress.done == SCHEDULES > 0
