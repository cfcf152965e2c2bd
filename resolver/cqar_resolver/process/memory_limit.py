"""Refuses a load that would exceed the memory limit, before the kernel ends the process."""

from __future__ import annotations

from typing import Final

from cqar_shared.runtime.process_memory import memory_bytes

#: Memory of a loaded entity beside its bytes: keys, dicts, indexes.
OVERHEAD_BYTES: Final = 400


class MemoryLimitExceeded(Exception):
    """The registry does not fit into memory; the load is tried again later."""


def require_room(limit_mib: int, entities: int) -> None:
    """Refuse to load entities beyond the limit.

    Args:
        limit_mib: 0: no limit.
        entities: How many are loaded; their bytes may be in memory already.

    Raises:
        MemoryLimitExceeded: The process would exceed the limit.
    """
    needed = memory_bytes() + entities * OVERHEAD_BYTES
    if limit_mib and needed > limit_mib * 2**20:
        raise MemoryLimitExceeded(
            f"{entities} entities would take this process to {needed // 2**20} MiB, and"
            f" memory_limit_mib is {limit_mib}: raise it, and the container's limit with it"
        )
