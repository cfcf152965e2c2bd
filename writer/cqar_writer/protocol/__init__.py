"""Decisions of the writer's side of replication, as pure functions over rows and positions.

`revision_rows` builds a revision, `relay` decides what to publish next, `epoch_rules` when a new
epoch begins, and `image_schedule` and `cache_schedule` what to store. No I/O: relays and mutations
read the inputs and carry out the result.
"""

__all__ = [
    "cache_schedule",
    "epoch_rules",
    "event_cursor",
    "image_schedule",
    "log_rows",
    "relay",
    "revision_rows",
    "terms",
]
