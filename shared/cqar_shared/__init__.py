"""What writer, resolver and the SDK have in common: the registry's rules, formats and connections.

It knows no service: nothing here imports `cqar_writer`, `cqar_resolver` or `cqar`. Each package
uses only those below it: `lists`; `rpc`; `messaging`, `redis_store`, `sql` and `queries`;
`replication` and `codec`; `trust`; `domain`; `runtime`; `errors`.
"""

__all__ = [
    "codec",
    "domain",
    "errors",
    "lists",
    "messaging",
    "queries",
    "redis_store",
    "replication",
    "rpc",
    "runtime",
    "sql",
    "trust",
]
