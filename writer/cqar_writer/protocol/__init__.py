"""The writer's decisions, as docs/PROTOCOL.md states them: no I/O, no clock, no randomness.

Observations go in and an action comes out, so that `tests/protocol` runs the same decisions under
random schedules of faults.
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
