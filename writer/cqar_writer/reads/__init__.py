"""What the writer answers without changing anything.

`cached` reads single entities from Redis before PostgreSQL, `sessions` reads lists and exports in
one snapshot of the database, `query_answer` runs the queries that resolvers run too,
`entity_history`, `listing_periods` and `listing_sources` read the past, `upcoming` what is to come,
`asset_prices` what tickers said, `findings` what awaits a decision.
Expensive reads are limited (`expensive_reads`).
"""

__all__ = [
    "asset_prices",
    "cached",
    "change_entries",
    "entity_history",
    "expensive_reads",
    "findings",
    "listing_periods",
    "listing_sources",
    "logged_changes",
    "query_answer",
    "sessions",
    "upcoming",
]
