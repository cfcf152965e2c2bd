"""Work on another core, some steps ahead of who wants it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

STEPS_MAX: Final = 4

A = TypeVar("A")
B = TypeVar("B")


def ahead(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Yield what the work makes of each item, in order; its error is raised in its place.

    Of use where the work lets go of the interpreter, as compressing does.
    """
    begun: deque[Future[B]] = deque()
    with ThreadPoolExecutor(1, "ahead") as thread:
        for item in items:
            begun.append(thread.submit(work, item))
            if len(begun) > STEPS_MAX:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
