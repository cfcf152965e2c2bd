"""What a resolver can be asked. Pure, except for `execute` and `lists`.

A request becomes a query, which is a frozen value (`requests` says which); `execute` runs it over
memory, or over the stores below while memory cannot answer, and returns the answer with its
freshness. `lists` selects and pages entities.
"""

__all__ = [
    "assets",
    "execute",
    "lists",
    "near_spellings",
    "order_limits",
    "orders",
    "query",
    "registry",
    "requests",
    "resolution",
]
