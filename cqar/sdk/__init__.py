"""The client: `cqar.Client` and `cqar.AsyncClient`, their results, enums and errors.

A call of `sync_api` or `async_api` becomes a question (`questions`). A transport carries it
(`transport` says what that is, `grpc_transport` is a client's), and `decoding` makes the result
from the response. `writer` sends changes; its methods (`sync_writes`, `async_writes`) are made from
the contract by `make sdk-writes`. `session_position` makes sure that a session never reads older
data. The package needs gRPC and nothing of a service.
"""

__all__ = [
    "async_api",
    "async_writes",
    "call_context",
    "changes",
    "client",
    "conversion",
    "decision_methods",
    "decoding",
    "enums",
    "errors",
    "grpc_transport",
    "key_form",
    "market_table",
    "product_decoding",
    "products",
    "questions",
    "reject_reports",
    "results",
    "session_position",
    "shown_result",
    "specs",
    "sync_api",
    "sync_writes",
    "transport",
    "watch_cursor",
    "write_requests",
    "writer",
]
