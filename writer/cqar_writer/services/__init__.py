"""The writer's gRPC methods: decode, call `mutations` or `reads`, encode.

No rule, no SQL and no NATS is here.
"""

__all__ = ["admin", "asset_registry"]
