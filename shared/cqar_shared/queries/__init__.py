"""Questions that the writer and the resolvers answer by the same code. Pure.

A query runs over a `reader` of one revision: a resolver's memory, or a `partial_reader` that is
filled from a database between two runs. So the query itself never waits.
"""

__all__ = ["entities", "listings", "partial_reader", "query", "reader"]
