"""All SQL of the writer, as functions that take an open transaction.

A function here reads or writes rows and decides nothing: `mutations`, `reads` and `relays` do. It
neither begins nor ends a transaction.
"""

__all__ = [
    "archive_candidates",
    "asset_price_rows",
    "entity_rows",
    "finding_rows",
    "head_rows",
    "outbox",
    "reject_rows",
    "saved_entities",
    "search",
    "session_keepalive",
    "upcoming_rows",
    "voided_listings",
    "writes",
]
