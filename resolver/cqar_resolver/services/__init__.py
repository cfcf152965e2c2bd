"""The resolver's gRPC methods: a request in, a query's result out.

`fast_path` answers the most frequent methods from encoded answers. `watch_stream` sends changes as
they are applied. No method reads PostgreSQL, Redis or NATS itself.
"""

__all__ = ["fast_path", "registry_service", "resolver_service"]
