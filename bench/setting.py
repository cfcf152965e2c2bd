"""What subjects are measured in: the scale, and registries by their size, made when asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.ground import Ground, ground_of
from bench.scale import Scale, size_name

#: Told what is going on, of how much, and how much is done.
Progress = Callable[[str, int, int], None]


class Setting:
    """Registries stay until the end, so that subjects share them.

    Args:
        stack: Ends what was begun.
    """

    def __init__(self, scale: Scale, stack: AsyncExitStack, progress: Progress) -> None:
        self.scale = scale
        self._stack = stack
        self._progress = progress
        self._grounds: dict[int, Ground] = {}

    async def ground(self, listings: int) -> Ground:
        """The registry of so many listings.

        The largest is for resolvers only, unless it is not larger than what writers change.
        """
        if listings not in self._grounds:
            name = f"a registry of {size_name(listings)}"

            def told(written: int) -> None:
                self._progress(name, written, listings * 4 // 3)

            made = ground_of(listings, told, tables=listings <= self.scale.middle)
            self._grounds[listings] = await self._stack.enter_async_context(made)
            self._progress(name, 1, 1)
        return self._grounds[listings]
