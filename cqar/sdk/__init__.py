"""The client: `cqar.Client` and `cqar.AsyncClient`, their results, enums and errors.

A call becomes a question (`questions`), `grpc_transport` sends it to one of the addresses, and
`decoding` makes the result of the answer; `session_position` makes sure that a session never reads
older data. It needs gRPC and nothing of a service.
"""

__all__ = [
    "async_api",
    "call_context",
    "changes",
    "client",
    "decoding",
    "enums",
    "errors",
    "grpc_transport",
    "key_form",
    "questions",
    "results",
    "session_position",
    "specs",
    "sync_api",
    "watch_cursor",
]
