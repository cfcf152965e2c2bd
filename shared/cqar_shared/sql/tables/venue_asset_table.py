"""What PostgreSQL holds of `cqar_shared.domain.kinds.venue_asset`, and what it refuses."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint

from cqar_shared.sql.schema import Id, Instant, Json, metadata

venue_assets = sa.Table(
    "venue_assets",
    metadata,
    sa.Column("venue_id", sa.Text, sa.ForeignKey("venues.venue_id"), primary_key=True),
    sa.Column("asset_id", Id, sa.ForeignKey("assets.asset_id"), primary_key=True),
    sa.Column("venue_asset_symbol", sa.Text, nullable=False),
    sa.Column("deployment_id", Id, sa.ForeignKey("deployments.deployment_id")),
    sa.Column("deposit_enabled", sa.Boolean),
    sa.Column("withdraw_enabled", sa.Boolean),
    sa.Column("trading_enabled", sa.Boolean),
    sa.Column("min_deposit", sa.Numeric),
    sa.Column("min_withdrawal", sa.Numeric),
    sa.Column("withdrawal_fee", sa.Numeric),
    sa.Column("deposit_fee", sa.Numeric),
    sa.Column("listed_at", Instant),
    sa.Column("delisted_at", Instant),
    sa.Column("metadata", Json),
    sa.Column("other_codes", ARRAY(sa.Text), nullable=False),
    sa.Column("networks", Json),
    sa.Column("name", sa.Text),
    sa.Column("evidence", Json),
    sa.CheckConstraint("listed_at < delisted_at", name="period"),
    sa.Index("idx_venue_assets_asset", "asset_id"),
    sa.Index("idx_venue_assets_deployment", "deployment_id"),
)

venue_asset_codes = sa.Table(
    "venue_asset_codes",
    metadata,
    sa.Column("venue_id", sa.Text, primary_key=True),
    sa.Column("asset_id", Id, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("listed_at", Instant),
    sa.Column("delisted_at", Instant),
    sa.ForeignKeyConstraint(
        ["venue_id", "asset_id"],
        ["venue_assets.venue_id", "venue_assets.asset_id"],
        ondelete="CASCADE",
        name="fk_venue_asset_codes_venue_asset",
    ),
    # Within one change set a code may pass from one asset to another: checked at its end.
    ExcludeConstraint(
        ("venue_id", "="),
        ("code", "="),
        (sa.text("tstzrange(listed_at, delisted_at)"), "&&"),
        name="ex_venue_asset_codes_code",
        using="gist",
        deferrable=True,
        initially="DEFERRED",
    ),
    sa.Index("idx_venue_asset_codes_code", "venue_id", "code"),
    comment="Every code of every venue asset, and when it is one: it means one asset at a time.",
)
