"""`cqar.LocalReplica`: reads the LMDB environment that a resolver on this machine publishes.

`environment` opens it, `reader` reads entities, `view` answers from them with the SDK's results.
It needs no network, no gRPC and no database.
"""

__all__ = ["local_replica"]
