"""PostgreSQL as both services use it: engine, sessions, schema and shared queries.

`postgres` makes engines, `pg_session` sets up connections, `schema` and `tables` declare what is
stored. `direct_statement` runs the short statements of each change. `entity_queries` finds entities
by their kinds' lookups, and `row_check` and `history_check` compare rows with the entities that
they project. SQL of one service only is in that service.
"""

__all__ = [
    "direct_statement",
    "entity_queries",
    "history_check",
    "pg_session",
    "postgres",
    "row_check",
    "rows",
    "schema",
    "tables",
]
