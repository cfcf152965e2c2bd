"""What PostgreSQL holds of `cqar_shared.domain.kinds.symbol_identifier`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

symbol_identifiers = sa.Table(
    "symbol_identifiers",
    metadata,
    sa.Column("identifier_id", Id, primary_key=True),
    sa.Column("symbol_id", Id, sa.ForeignKey("symbols.symbol_id"), nullable=False),
    sa.Column("data_source", sa.SmallInteger, nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("is_primary", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    # An id names one symbol; a class (CFI, 10) and a market (MIC, 11) are shared by many.
    sa.Index(
        "uq_symbol_identifiers_external_id",
        *("data_source", "external_id"),
        sa.text("(CASE WHEN data_source IN (10, 11) THEN symbol_id END)"),
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
)
