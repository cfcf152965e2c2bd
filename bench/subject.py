"""What a subject of the benchmark is: contestants that are measured in turn, by the same means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import msgspec

from bench.measured import Sample
from bench.setting import Setting

Measure = Callable[[], Awaitable[Sample]]


class Field(msgspec.Struct, frozen=True):
    """Who contends.

    Attributes:
        contestants: Name -> measures one round.
        absent: Name -> why it cannot be measured here and now.
    """

    contestants: dict[str, Measure]
    absent: dict[str, str] = {}


class Subject(NamedTuple):
    """One of the benchmark's.

    Attributes:
        name: Of its file of results, and for `--only`.
        open: Prepares everything, for as long as the block lasts.
        rounds_max: Where a round takes minutes.
        is_large: Whether it needs the largest registry: those come last, and that is made once.
    """

    name: str
    open: Callable[[Setting], AbstractAsyncContextManager[Field]]
    rounds_max: int = 100
    is_large: bool = False
