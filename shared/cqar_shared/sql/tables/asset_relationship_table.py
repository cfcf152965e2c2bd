"""What PostgreSQL holds of `cqar_shared.domain.kinds.asset_relationship`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

asset_relationships = sa.Table(
    "relationships",
    metadata,
    sa.Column("relationship_id", Id, primary_key=True),
    sa.Column("from_asset_id", Id, sa.ForeignKey("assets.asset_id"), nullable=False),
    sa.Column("to_asset_id", Id, sa.ForeignKey("assets.asset_id"), nullable=False),
    sa.Column("relationship_type", sa.SmallInteger, nullable=False),
    sa.Column("conversion_rate", sa.Numeric),
    sa.Column("protocol", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.Column("effective_at", Instant),
    sa.Column("succession", sa.SmallInteger),
    sa.UniqueConstraint("from_asset_id", "to_asset_id", "relationship_type"),
    sa.CheckConstraint("from_asset_id <> to_asset_id", name="not_to_itself"),
    sa.CheckConstraint("conversion_rate > 0", name="conversion_rate_positive"),
    sa.Index("idx_relationships_to_asset", "to_asset_id"),
    sa.Index("idx_relationships_type", "relationship_type"),
)
