"""When a service looks for garbage: seldom, since nearly nothing of it refers to itself."""

from __future__ import annotations

import gc
from typing import Final

#: After so many new objects that live, not 700: a large Apply makes 40,000, loading a million
#: entities millions, and none is garbage before it ends. A look takes a millisecond at most.
NEW_OBJECTS: Final = 5_000


def tune_gc() -> None:
    """For processes that are a service's own."""
    gc.set_threshold(NEW_OBJECTS)
