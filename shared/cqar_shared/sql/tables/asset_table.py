"""What PostgreSQL holds of `cqar_shared.domain.kinds.asset`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

assets = sa.Table(
    "assets",
    metadata,
    sa.Column("asset_id", Id, primary_key=True),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("asset_type", sa.SmallInteger),
    sa.Column("category", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("logo_url", sa.Text),
    sa.Column("website_url", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.Column("unverified", sa.Boolean, nullable=False),
    sa.Column("asset_class", sa.SmallInteger),
    sa.Column("former_names", Json),
    sa.Column("unambiguous_ticker", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("merged_into", Id, sa.ForeignKey("assets.asset_id")),
    sa.CheckConstraint("asset_type IS NOT NULL OR unverified", name="has_type"),
    sa.Index("idx_assets_symbol", "symbol"),
    sa.Index("idx_assets_merged_into", "merged_into"),
    sa.Index("idx_assets_former", "asset_id", postgresql_where=sa.text("former_names IS NOT NULL")),
    sa.Index("idx_assets_type", "asset_type"),
    sa.Index("idx_assets_category", "category"),
)
