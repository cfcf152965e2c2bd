"""What PostgreSQL holds of `cqar_shared.domain.kinds.venue`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Instant, Json, metadata

venues = sa.Table(
    "venues",
    metadata,
    sa.Column("venue_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("venue_type", sa.SmallInteger, nullable=False),
    sa.Column("chain_id", sa.Text, sa.ForeignKey("chains.chain_id")),
    sa.Column("protocol_address", sa.Text),
    sa.Column("website_url", sa.Text),
    sa.Column("api_endpoint", sa.Text),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("operator", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.Column("environment", sa.SmallInteger),
    sa.Column("region", sa.Text),
    sa.Column("facts_stale_after_s", sa.Integer),
    sa.CheckConstraint("venue_type <> 2 OR chain_id IS NOT NULL", name="dex_has_chain"),
    sa.Index("idx_venues_type", "venue_type"),
    sa.Index("idx_venues_chain", "chain_id"),
    sa.Index("idx_venues_operator", "operator"),
)
