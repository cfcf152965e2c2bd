"""Runs benchmarks in random order and, in each round, their cases in random order."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack

from bench.benchmarks import Benchmark
from bench.results import ALL_CASES, Figures, NotMeasured, Result, new_result
from bench.stack import Registries, Scale

log = logging.getLogger(__name__)


def benchmark_order(benchmarks: Iterable[Benchmark], rng: random.Random) -> list[Benchmark]:
    """A random order in which those that need the largest registry come last, alone beside it."""
    return sorted(benchmarks, key=lambda benchmark: (benchmark.is_large, rng.random()))


def case_order(names: Iterable[str], rounds: int, rng: random.Random) -> Iterator[str]:
    """Every name once a round, in another order each round."""
    for _ in range(rounds):
        yield from sorted(names, key=lambda _: rng.random())


async def run(
    benchmarks: Iterable[Benchmark],
    scale: Scale,
    rng: random.Random,
    save: Callable[[Result], None],
) -> None:
    """Run benchmarks one after the other; `save` gets each result as soon as there is one."""
    async with AsyncExitStack() as exit_stack:
        registries = Registries(scale, exit_stack)
        for benchmark in benchmark_order(benchmarks, rng):
            save(await _run_one(benchmark, registries, rng))


async def _run_one(benchmark: Benchmark, registries: Registries, rng: random.Random) -> Result:
    load, rounds = os.getloadavg()[0], min(registries.scale.rounds, benchmark.rounds_max)
    figures: dict[str, list[Figures]] = {}
    absent: dict[str, str] = {}
    try:
        async with benchmark.open(registries) as cases:
            for case in case_order(cases, rounds, rng):
                log.info("%s: %s", benchmark.name, case)
                try:
                    figures.setdefault(case, []).append(await cases[case]())
                except NotMeasured as error:
                    absent[case] = f"a round failed: {error}"
                await asyncio.sleep(registries.scale.rest_s)
    except NotMeasured as error:
        absent[ALL_CASES] = str(error)
    return new_result(benchmark.name, round(load, 2), figures, absent)
