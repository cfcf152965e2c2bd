"""Keeps the snapshot current, and knows how current it is.

`bootstrap` loads a snapshot from the best source, `follower` reads the stream and asks `protocol`,
which is pure, what to do with each message, and `replica_state` holds the result. `change_log`
keeps the change sets for watches, the checkpoint and the published replica. `freshness` says how
old an answer may be. `follower` reaches outside only by its `ports`. Nothing here answers a call.
"""

__all__ = [
    "bootstrap_sources",
    "change_filter",
    "change_log",
    "follower",
    "freshness",
    "freshness_lease",
    "ports",
    "postgres",
    "replica_state",
    "signed_heads",
]
