"""The registry at one revision, in memory. Pure: no await, no I/O, no clock.

A `builder` collects entities into a snapshot, a change set is planned and then applied to it,
and queries read it as a `cqar_shared.queries.reader.Reader`. Nothing here knows where entities come
from or who asks.
"""

__all__ = [
    "builder",
    "change_sets",
    "change_tracker",
    "columns",
    "indexes",
    "pinned",
    "planned_change",
    "snapshot",
    "uuid_packing",
]
