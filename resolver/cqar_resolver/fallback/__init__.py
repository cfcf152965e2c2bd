"""Answers while the snapshot cannot: before it is loaded, or for what it does not hold.

`read_path` chooses memory or the stores below it; `stores` reads Redis and PostgreSQL into a
partial reader until the query has all that it asks for. Answers from here are never cached.
"""

__all__ = ["read_path", "stores"]
