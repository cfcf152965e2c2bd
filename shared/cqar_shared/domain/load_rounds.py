"""The one loop of "ask until nothing is missing": run, load what was missing, run again.

A rule or a query asks a view that holds part of the registry. What the view lacks, it answers with
nothing and adds to `missing`. So rules and queries are pure, and need no list of what they read: a
result counts only from a round in which nothing was missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from cqar_shared.errors import RegistryError


class PartialView(Protocol):
    """Part of the registry at one revision."""

    @property
    def missing(self) -> object:
        """What was asked for and is not loaded; false if nothing is missing."""


T = TypeVar("T")
V = TypeVar("V", bound=PartialView)


async def run_loading(
    run: Callable[[], Awaitable[T]],
    view: V,
    load: Callable[[V], Awaitable[None]],
    rounds_max: int,
    too_many: RegistryError,
) -> T:
    """Return the result of the first run in which nothing was missing.

    Args:
        run: Asks the view; an error that may come of what is missing is returned, not raised.
        load: Adds to the view what it is missing.
        too_many: Raised after `rounds_max` rounds.
    """
    for _ in range(rounds_max):
        result = await run()
        if not view.missing:
            return result
        await load(view)
    raise too_many
