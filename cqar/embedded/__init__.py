"""Real PostgreSQL, NATS JetStream and Valkey servers from wheels, and the stack on top of them.

`stack` starts the servers, then migrations, writer and resolvers as subprocesses, by the command
lines that an operator would use; `supervisor` restarts what ends. This package may import only
the standard library and msgspec: it knows neither the registry nor its contract.
"""

__all__ = [
    "background",
    "endpoints",
    "failures",
    "keeper",
    "ports",
    "postgres_data",
    "probes",
    "process",
    "servers",
    "stack",
    "supervisor",
]
