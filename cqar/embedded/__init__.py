"""Runs PostgreSQL, NATS JetStream and Valkey from wheels, and CQAR's services on top of them.

`stack` starts the servers, then migrations, writer and resolvers as subprocesses, by the command
lines that an operator would use; `supervisor` restarts what ends. This package knows neither the
registry nor its contract.
"""

__all__ = [
    "background",
    "endpoints",
    "failures",
    "ports",
    "postgres_data",
    "private_files",
    "probes",
    "process",
    "servers",
    "service",
    "stack",
    "supervisor",
]
