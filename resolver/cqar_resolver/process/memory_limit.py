"""A limit that stops a load before the kernel stops it."""

from __future__ import annotations

from typing import Final

from cqar_shared.runtime.process_memory import memory_bytes

#: What a loaded entity takes beside its bytes: keys, dicts, indexes.
OVERHEAD_BYTES: Final = 400


class MemoryLimitExceeded(Exception):
    """The registry does not fit; what is served stays, and the load is tried again later."""


def require_room(limit_mib: int, entities: int) -> None:
    """Refuse to load what would exceed the limit.

    Args:
        limit_mib: 0: none.
        entities: What is about to be kept; their bytes may be in memory already.

    Raises:
        NoRoom: It would.
    """
    needed = memory_bytes() + entities * OVERHEAD_BYTES
    if limit_mib and needed > limit_mib * 2**20:
        raise MemoryLimitExceeded(
            f"{entities} entities would take this process to {needed // 2**20} MiB, and"
            f" memory_limit_mib is {limit_mib}: raise it, and the container's limit with it"
        )
