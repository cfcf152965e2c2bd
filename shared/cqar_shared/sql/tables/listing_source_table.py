"""What PostgreSQL holds of `cqar_shared.domain.kinds.listing_source`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

listing_sources = sa.Table(
    "listing_sources",
    metadata,
    sa.Column("listing_id", Id, primary_key=True),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("taken_at", Instant, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("reader", sa.Text, nullable=False),
    sa.Column("raw", sa.Text),
    sa.Column("answers", Json),
)
