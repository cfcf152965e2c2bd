"""A resolver: the registry in memory, kept current, and the answers from it.

`replication` keeps a `snapshot` current from PostgreSQL, NATS, Redis or the `checkpoint`.
`services` answers a call from `cache`, else by `queries` over the snapshot, else by `fallback` over
the stores. `background` writes checkpoints and the published `local_replica`. `app` connects all
of them.
"""

__all__ = ["app", "cache", "checkpoint", "config", "queries", "replication", "snapshot"]
