"""`cqar.LocalReplica`: reads the LMDB environment that a resolver on this machine publishes.

`environment` opens it, `reader` reads entities, `snapshot` answers questions from them, and
`file_transport` waits until there is something to read. The package needs no network, no gRPC and
no database.
"""

__all__ = ["local_replica"]
