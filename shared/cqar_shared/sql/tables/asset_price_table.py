"""What PostgreSQL holds of `cqar_shared.domain.kinds.asset_price`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa

from cqar_shared.sql.schema import Id, Instant, Json, metadata

asset_prices = sa.Table(
    "asset_prices",
    metadata,
    sa.Column("venue_id", sa.Text, primary_key=True),
    sa.Column("asset_id", Id, primary_key=True),
    sa.Column("taken_at", Instant, nullable=False),
    sa.Column("quotes", Json, nullable=False),
    sa.Column("request", sa.Text),
    sa.Column("sha256", sa.Text),
    sa.Index("idx_asset_prices_taken_at", "taken_at"),
    sa.Index("idx_asset_prices_asset", "asset_id"),
)
