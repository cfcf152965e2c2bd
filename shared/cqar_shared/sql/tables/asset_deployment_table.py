"""What PostgreSQL holds of `cqar_shared.domain.kinds.asset_deployment`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from cqar_shared.sql.schema import Id, Instant, Json, metadata

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("deployment_id", Id, primary_key=True),
    sa.Column("asset_id", Id, sa.ForeignKey("assets.asset_id"), nullable=False),
    sa.Column("chain_id", sa.Text, sa.ForeignKey("chains.chain_id"), nullable=False),
    sa.Column("address", sa.Text),
    sa.Column("decimals", sa.SmallInteger, nullable=False),
    sa.Column("deployed_at", Instant),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.Column("is_canonical", sa.Boolean, nullable=False),
    sa.Column("is_native", sa.Boolean, nullable=False),
    sa.Column("address_unchecked", sa.Boolean, nullable=False),
    sa.Column("doubts", ARRAY(sa.Text)),
    sa.UniqueConstraint("chain_id", "address"),
    sa.Index("idx_deployments_asset", "asset_id"),
    sa.CheckConstraint("decimals BETWEEN 0 AND 36", name="decimals"),
)
