"""What PostgreSQL holds of `cqar_shared.domain.kinds.chain`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from cqar_shared.sql.schema import Id, Instant, Json, metadata

chains = sa.Table(
    "chains",
    metadata,
    sa.Column("chain_id", sa.Text, primary_key=True),
    sa.Column("chain_name", sa.Text, nullable=False),
    sa.Column("chain_type", sa.Text, nullable=False),
    sa.Column("network_id", sa.BigInteger),
    sa.Column("native_asset_id", Id, sa.ForeignKey("assets.asset_id")),
    sa.Column("explorer_url", sa.Text),
    sa.Column("rpc_urls", ARRAY(sa.Text), nullable=False),
    sa.Column("is_testnet", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("metadata", Json),
    sa.Column("caip2", sa.Text),
    sa.CheckConstraint("network_id >= 0", name="network_id_not_negative"),
    sa.Index("idx_chains_type", "chain_type"),
    sa.Index("idx_chains_native_asset", "native_asset_id"),
    sa.Index("idx_chains_network", "network_id"),
    sa.Index("uq_chains_caip2", "caip2", unique=True),
)
