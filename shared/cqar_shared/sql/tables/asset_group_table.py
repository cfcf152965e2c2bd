"""What PostgreSQL holds of `cqar_shared.domain.kinds.asset_group`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

asset_groups = sa.Table(
    "asset_groups",
    metadata,
    sa.Column("group_id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("group_type", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.Index("idx_asset_groups_type", "group_type"),
)

group_members = sa.Table(
    "group_members",
    metadata,
    sa.Column("member_id", Id, primary_key=True),
    sa.Column(
        "group_id", Id, sa.ForeignKey("asset_groups.group_id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("asset_id", Id, sa.ForeignKey("assets.asset_id"), nullable=False),
    sa.Column("weight", sa.Numeric),
    sa.Column("added_at", Instant, nullable=False),
    sa.UniqueConstraint("group_id", "asset_id"),
    sa.Index("idx_group_members_asset", "asset_id"),
    sa.CheckConstraint("weight > 0", name="weight_positive"),
)
