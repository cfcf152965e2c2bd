"""What PostgreSQL holds of `cqar_shared.domain.kinds.symbol`, and what it refuses."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cqar_shared.domain.kinds.symbol import IDENTITY
from cqar_shared.sql.schema import Id, Instant, Json, metadata


def _asset(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Id, sa.ForeignKey("assets.asset_id"), nullable=nullable)


symbols = sa.Table(
    "symbols",
    metadata,
    sa.Column("symbol_id", Id, primary_key=True),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("symbol_type", sa.SmallInteger, nullable=False),
    _asset("base_asset_id"),
    _asset("quote_asset_id"),
    _asset("settlement_asset_id", nullable=True),
    sa.Column("tick_size", sa.Numeric),
    sa.Column("lot_size", sa.Numeric),
    sa.Column("min_order_size", sa.Numeric),
    sa.Column("max_order_size", sa.Numeric),
    sa.Column("min_notional", sa.Numeric),
    sa.Column("contract_size", sa.Numeric),
    sa.Column("expiry", Instant),
    sa.Column("strike_price", sa.Numeric),
    sa.Column("option_type", sa.SmallInteger),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("delisted_at", Instant),
    sa.Column("metadata", Json),
    _asset("price_asset_id", nullable=True),
    sa.Column("contract_kind", sa.SmallInteger),
    sa.Column("underlying_class", sa.SmallInteger),
    sa.Column("underlying", sa.Text),
    sa.Column("settlement_method", sa.SmallInteger),
    sa.Column("exercise_style", sa.SmallInteger),
    sa.Column("last_trade_at", Instant),
    sa.Column("merged_into", Id, sa.ForeignKey("symbols.symbol_id")),
    # Combinations of the same assets differ by their names.
    sa.Index(
        "uq_symbols_identity",
        *IDENTITY,
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("symbol_type <> 100"),
    ),
    sa.Index(
        "uq_symbols_combo",
        *(*IDENTITY, "underlying"),
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("symbol_type = 100"),
    ),
    sa.CheckConstraint(
        "settlement_asset_id IS NOT NULL OR symbol_type = 100", name="settlement_is_known"
    ),
    sa.CheckConstraint("symbol_type <> 100 OR underlying IS NOT NULL", name="combo_has_name"),
    sa.CheckConstraint("last_trade_at <= expiry", name="last_trade_before_expiry"),
    sa.CheckConstraint("base_asset_id <> quote_asset_id", name="base_is_not_quote"),
    sa.CheckConstraint("tick_size > 0", name="tick_size_positive"),
    sa.CheckConstraint("lot_size > 0", name="lot_size_positive"),
    sa.CheckConstraint("contract_size > 0", name="contract_size_positive"),
    sa.CheckConstraint("min_order_size <= max_order_size", name="min_below_max"),
    sa.CheckConstraint(
        "symbol_type <> 4 OR (strike_price > 0 AND expiry IS NOT NULL AND option_type IS NOT NULL)",
        name="option_is_whole",
    ),
    sa.CheckConstraint("symbol_type <> 3 OR expiry IS NOT NULL", name="future_expires"),
    sa.Index("idx_symbols_type", "symbol_type"),
    sa.Index("idx_symbols_base_asset", "base_asset_id"),
    sa.Index("idx_symbols_quote_asset", "quote_asset_id"),
    sa.Index("idx_symbols_settlement_asset", "settlement_asset_id"),
    sa.Index("idx_symbols_price_asset", "price_asset_id"),
    sa.Index("idx_symbols_symbol", "symbol"),
    sa.Index("idx_symbols_merged_into", "merged_into"),
)
