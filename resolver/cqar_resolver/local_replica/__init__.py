"""Publishes the snapshot as an LMDB environment, for readers in other processes of this machine.

`writer` applies change sets in transactions to the `environment`. Readers are
`cqar.local_replica`; both use `cqar_shared.replication.replica_layout`.
"""

__all__ = ["writer"]
