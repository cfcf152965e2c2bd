"""Periods [listed_at, delisted_at): an unknown beginning is open to the past. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Protocol


class Period(Protocol):
    @property
    def listed_at(self) -> dt.datetime | None: ...

    @property
    def delisted_at(self) -> dt.datetime | None: ...


def overlap(one: Period, other: Period) -> bool:
    """Whether there is an instant at which both are listed."""
    first = max((t for t in (one.listed_at, other.listed_at) if t), default=None)
    last = min((t for t in (one.delisted_at, other.delisted_at) if t), default=None)
    return first is None or last is None or first < last
