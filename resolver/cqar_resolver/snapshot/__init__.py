"""The registry at one revision, in memory. Pure: no await, no I/O, no clock.

A loader fills a snapshot from entities, a change set is planned and then applied to it, and queries
read it as a `cqar_shared.queries.reader.Reader`. Nothing here knows where entities come from or who
asks.
"""

__all__ = [
    "change_sets",
    "change_tracker",
    "columns",
    "indexes",
    "pinned",
    "snapshot",
    "uuid_packing",
]
