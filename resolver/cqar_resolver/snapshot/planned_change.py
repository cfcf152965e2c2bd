"""What one change will do to a snapshot, worked out before it is applied. Pure."""

from __future__ import annotations

import msgspec

from cqar_resolver.snapshot.indexes import IndexEntry


class PlannedChange(msgspec.Struct, frozen=True, gc=False):
    """What one change will do to the snapshot that it was planned on.

    The garbage collector does not track it: thousands of short-lived objects would otherwise
    trigger a scan of everything that the process holds.

    Attributes:
        payload: The entity as it will be; None where it is removed.
        held: `payload` as the snapshot holds it; empty where it is removed.
        removed_from, added_to: Index entries that the entity leaves, and those that it gets.
        adds, adds_hash: Differences to the snapshot's count and to its set hash.
        touched: Dependency keys for `ChangeTracker`.
    """

    kind: str
    key: str
    payload: bytes | None
    held: bytes
    removed_from: tuple[IndexEntry, ...]
    added_to: tuple[IndexEntry, ...]
    adds: int
    adds_hash: int
    touched: tuple[int, ...]
