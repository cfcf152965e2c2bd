"""What a List RPC accepts and returns, declared once for writer and resolver. No I/O.

`methods` says which RPC lists which kind with which filters; `filters` gives each filter as SQL
and as a predicate; `paging` cuts the result into pages. The writer runs them on PostgreSQL, a
resolver on its snapshot.
"""

__all__ = ["filter_names", "filters", "merged_filters", "methods", "paging", "presentation"]
