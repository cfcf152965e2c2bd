"""Work on many things, apart from the event loop: other callers do not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, ParamSpec, TypeVar

#: More items than this are worked on in a thread of their own: some 50 us each.
AT_ONCE_MAX: Final = 20

T = TypeVar("T")
P = ParamSpec("P")


def is_long(items: Sequence[Any]) -> bool:
    """Whether work on items or outcomes takes a while: of many, or of any of a kind with parts.

    A group has up to 2,000 members, each of which is looked at.
    """
    return len(items) > AT_ONCE_MAX or any(item.kind.child_tables for item in items)


async def unblocking(
    is_long: bool,
    work: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """What `work` makes; in a thread where it takes a while."""
    if is_long:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
