"""What PostgreSQL holds of `cqar_shared.domain.kinds.quality_flag`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

quality_flags = sa.Table(
    "quality_flags",
    metadata,
    sa.Column("flag_id", Id, primary_key=True),
    sa.Column("asset_id", Id, sa.ForeignKey("assets.asset_id"), nullable=False),
    sa.Column("flag_type", sa.SmallInteger, nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence_url", sa.Text),
    sa.Column("raised_at", Instant, nullable=False),
    sa.Column("resolved_at", Instant),
    sa.Column("resolved_by", sa.Text),
    sa.Column("resolution_notes", sa.Text),
    sa.Column("metadata", Json),
    sa.CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved_by_whom"),
    sa.Index("idx_quality_flags_asset", "asset_id", "severity"),
    sa.Index("idx_quality_flags_type", "flag_type", "severity"),
    sa.Index(
        "idx_quality_flags_active",
        *("severity", "flag_type"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    ),
)
