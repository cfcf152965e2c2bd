"""The registry's database: the one PostgreSQL server that this writer may read and change.

- `primary` judges the server behind each connection by the head that it reports, and leaves a
  server that is not the registry's current one.
- `epoch_lock` hands out the registry's write lock, and begins an epoch where one is needed.
- `fencing` asks the other writers about a later database, and refuses work while there is one.
- `confirmed_commit` commits, and returns only after a failover can no longer lose the commit.
- `head` reads the head for many callers at once, as probes need it.
- `head_signer` signs revisions and heads with this writer's key.

What to do about a server is decided by `cqar_writer.protocol.terms`, where an epoch begins by
`cqar_writer.protocol.epoch_rules`; both are pure.
"""

__all__ = [
    "confirmed_commit",
    "epoch_lock",
    "fencing",
    "head",
    "head_signer",
    "primary",
]
