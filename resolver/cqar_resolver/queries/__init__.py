"""What can be asked of a snapshot. Pure.

A request becomes a query, a query runs over a reader, and the result says how fresh it is. Whether
the reader is the snapshot in memory or a part loaded from a store is the caller's choice.
"""

__all__ = ["as_of_listing", "lists", "query", "requests", "resolve_listing"]
