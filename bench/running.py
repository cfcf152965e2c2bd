"""Measures subjects in random order, and in each round its contestants in random order."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack

from bench import machine
from bench.measured import Contestant, Result, Sample, Unmeasured
from bench.scale import Scale
from bench.setting import Progress, Setting
from bench.subject import Field, Subject


def in_order(subjects: Iterable[Subject], chance: random.Random) -> list[Subject]:
    """At random; but what needs the largest registry last, so that nothing else runs beside it."""
    drawn = list(subjects)
    chance.shuffle(drawn)
    return sorted(drawn, key=lambda subject: subject.is_large)


def turns(names: Iterable[str], rounds: int, chance: random.Random) -> Iterator[str]:
    """Every name once a round, in an order of its own each round."""
    for _ in range(rounds):
        drawn = list(names)
        chance.shuffle(drawn)
        yield from drawn


async def run(
    subjects: Iterable[Subject],
    scale: Scale,
    progress: Progress,
    chance: random.Random,
    keep: Callable[[Result], None],
) -> None:
    """Everything, one after the other.

    Args:
        keep: Given each subject's result as soon as it is there.
    """
    async with AsyncExitStack() as stack:
        setting = Setting(scale, stack, progress)
        for subject in in_order(subjects, chance):
            keep(await _measured(subject, setting, progress, chance))


async def _measured(
    subject: Subject, setting: Setting, progress: Progress, chance: random.Random
) -> Result:
    scale, load = setting.scale, machine.load()
    rounds = min(scale.rounds, subject.rounds_max)
    async with subject.open(setting) as field:
        samples, failed = await _samples(subject.name, field, rounds, scale, progress, chance)
    return Result(
        subject=subject.name,
        machine=machine.machine(),
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=machine.commit(),
        quick=scale.quick,
        load=load,
        contestants={name: Contestant(found) for name, found in samples.items() if found},
        absent={**field.absent, **failed},
    )


async def _samples(
    name: str,
    field: Field,
    rounds: int,
    scale: Scale,
    progress: Progress,
    chance: random.Random,
) -> tuple[dict[str, list[Sample]], dict[str, str]]:
    """The rounds of each contestant; and of those that failed in one, how it did last."""
    failed = dict[str, str]()
    found: dict[str, list[Sample]] = {contestant: [] for contestant in field.contestants}
    total = rounds * len(found)
    for done, contestant in enumerate(turns(field.contestants, rounds, chance)):
        progress(f"{name}: {contestant}", done, total)
        try:
            found[contestant].append(await field.contestants[contestant]())
        except Unmeasured as error:
            failed[contestant] = f"a round failed: {error}"
        await asyncio.sleep(scale.rest_s)
    progress(name, total, total)
    return found, failed
