"""The writer: the only service that changes the registry.

A call reaches `services`, which decodes it. `mutations` evaluates and commits the change through
`store`, with the `database` still being the registry's. `relays` publish what was committed to
NATS and Redis. `reads` answers from PostgreSQL and the cache. `app` connects all of them.
"""

__all__ = ["app", "config", "protocol", "store"]
