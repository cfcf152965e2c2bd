"""NATS JetStream as both services use it: connection, streams, and requests for the head.

The writer publishes change sets and events to the streams (`jetstream`, `atomic_batch`), a
resolver reads them in order (`stream_reader`). `head_requests` asks a writer for the registry's
head. What a message means is decided in `cqar_writer.protocol` and
`cqar_resolver.replication.protocol`.
"""

__all__ = [
    "atomic_batch",
    "head_requests",
    "jetstream",
    "nats_connection",
    "stream_reader",
    "streams",
]
