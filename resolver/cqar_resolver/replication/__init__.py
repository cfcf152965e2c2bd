"""Keeps the snapshot current, and knows how current it is.

`bootstrap` loads a snapshot from the best source, `follower` reads the stream and asks `protocol`,
which is pure, what to do with each message, and `replica_state` holds the result. `freshness` says
how old an answer may be. Nothing here answers a call.
"""

__all__ = [
    "bootstrap_sources",
    "change_log",
    "follower",
    "freshness",
    "freshness_lease",
    "postgres",
    "replica_state",
    "signed_heads",
]
