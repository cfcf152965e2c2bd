"""What a measurement gives: named figures, and how latencies are spread. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

import msgspec

#: The share of calls at each point of a curve: dense where the tail is.
SHARES: Final = (
    *(n / 50 for n in range(1, 48)),
    *(0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975, 0.999, 0.9995, 0.9999, 1.0),
)


class Unmeasured(Exception):
    """A round gave nothing that could be written down; the text says why."""


class Sample(msgspec.Struct, frozen=True):
    """One round of one contestant.

    Attributes:
        figures: Name, its unit last -> value.
        curve_us: Latency at each of `SHARES`; empty where there is none.
    """

    figures: dict[str, float]
    curve_us: list[float] = []


def at_share(ordered: Sequence[float], share: float) -> float:
    """The smallest value that this share of them does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def spread(latencies_us: Sequence[float], **figures: float) -> Sample:
    """A sample of single latencies."""
    ordered = sorted(latencies_us)
    return Sample(
        {
            "p50_us": at_share(ordered, 0.5),
            "p99_us": at_share(ordered, 0.99),
            "p999_us": at_share(ordered, 0.999),
            "max_us": ordered[-1],
            **figures,
        },
        [round(at_share(ordered, share), 3) for share in SHARES],
    )


class Contestant(msgspec.Struct, frozen=True):
    """All rounds of one contestant."""

    samples: list[Sample]

    def figure(self, name: str) -> float | None:
        """The median over the rounds; None where it was not measured."""
        found = [s.figures[name] for s in self.samples if name in s.figures]
        return statistics.median(found) if found else None

    @property
    def curve_us(self) -> list[float]:
        """The median over the rounds, at each of `SHARES`."""
        curves = [sample.curve_us for sample in self.samples if sample.curve_us]
        return [statistics.median(points) for points in zip(*curves, strict=True)]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a subject's measurement gave, as it is kept in a file.

    Attributes:
        at: When it ended, ISO 8601.
        commit: Of the product, with a plus where it was changed since.
        load: The machine's load average before: others may have used it.
        absent: Contestant -> why it was not measured.
    """

    subject: str
    machine: str
    at: str
    commit: str
    quick: bool
    load: float
    contestants: dict[str, Contestant]
    absent: dict[str, str] = {}

    @property
    def rounds(self) -> int:
        return max((len(one.samples) for one in self.contestants.values()), default=0)
