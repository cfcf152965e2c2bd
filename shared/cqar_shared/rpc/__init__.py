"""The gRPC server of both services: what happens to a call before and after its method.

A call passes interceptors (`auth`, `rate_limits`, `call_metrics`), then the request is checked
against `request_limits` while it is still bytes and decoded (`request_reader`), then its method
runs. Errors become status codes in `error_mapping` only. No method of a service is here.
"""

__all__ = [
    "auth",
    "call_metrics",
    "error_mapping",
    "grpc_server",
    "health",
    "message_size",
    "middleware",
    "min_revision",
    "rate_limits",
    "request_limits",
    "request_reader",
    "status",
    "tls",
]
