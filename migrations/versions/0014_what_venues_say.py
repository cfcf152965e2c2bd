"""All that venues say of a market, dated like its other terms; where it is from; combinations.

Every new column may be NULL: writers of the release before write rows without it, and compare rows
that lack it.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

#: Table -> the new columns with their types.
COLUMNS = {
    "assets": {"asset_class": "SMALLINT"},
    "venues": {"environment": "SMALLINT", "region": "TEXT"},
    "venue_assets": {"networks": "JSONB", "name": "TEXT"},
    "symbols": {
        "underlying_class": "SMALLINT",
        "underlying": "TEXT",
        "settlement_method": "SMALLINT",
        "exercise_style": "SMALLINT",
        "last_trade_at": "TIMESTAMPTZ",
    },
    "venue_symbols": {
        **dict.fromkeys(
            (
                *("market_lot_size", "market_min_size", "market_max_size"),
                *("min_price", "max_price", "bid_multiplier_up", "bid_multiplier_down"),
                *("ask_multiplier_up", "ask_multiplier_down"),
                *("market_min_notional", "market_max_notional"),
                *("initial_margin_rate", "maintenance_margin_rate"),
            ),
            "NUMERIC",
        ),
        "order_unit": "SMALLINT",
        "trading_starts_at": "TIMESTAMPTZ",
        "phases": "JSONB",
        "scheduled": "JSONB",
        "channels": "TEXT[]",
        "permission_groups": "JSONB",
        "quote_alternatives": "TEXT[]",
        "order_types": "TEXT[]",
        "time_in_force": "TEXT[]",
        "funding_interval_s": "INTEGER",
        "legs": "JSONB",
        "doubts": "TEXT[]",
        "terms_stated_at": "TIMESTAMPTZ",
    },
}
#: Table -> constraint -> what holds..
CHECKS = {
    "symbols": {
        "settlement_is_known": "settlement_asset_id IS NOT NULL OR symbol_type = 100",
        "combo_has_name": "symbol_type <> 100 OR underlying IS NOT NULL",
        "last_trade_before_expiry": "last_trade_at <= expiry",
    },
    "venue_symbols": {
        "market_lot_size_positive": "market_lot_size > 0",
        "market_min_below_max": "market_min_size <= market_max_size",
        "min_price_below_max": "min_price <= max_price",
        "channels_of_alias": "channels IS NULL OR alias_of IS NOT NULL",
    },
}
#: What is to come is asked for by its instant. An end has an index (0007), and an expiry.
INDEXES = (
    "idx_venue_symbols_listed_at ON venue_symbols (listed_at) WHERE listed_at IS NOT NULL",
    (
        "idx_venue_symbols_trading_starts_at ON venue_symbols (trading_starts_at)"
        " WHERE trading_starts_at IS NOT NULL"
    ),
    "idx_venue_symbols_scheduled ON venue_symbols (listing_id) WHERE scheduled IS NOT NULL",
)
_IDENTITY = (
    "symbol_type, base_asset_id, quote_asset_id, settlement_asset_id, expiry, strike_price,"
    " option_type"
)
_UNIQUE = "CREATE UNIQUE INDEX {} ON symbols ({}) NULLS NOT DISTINCT WHERE symbol_type {} 100"


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {name} {type_}" for name, type_ in columns.items())
        op.execute(f"ALTER TABLE {table} {added}")
    op.execute("ALTER TABLE symbols ALTER COLUMN settlement_asset_id DROP NOT NULL")
    for table, checks in CHECKS.items():
        for name, holds in checks.items():
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({holds})")
    op.execute("ALTER TABLE symbols DROP CONSTRAINT uq_symbols_identity")
    op.execute(_UNIQUE.format("uq_symbols_identity", _IDENTITY, "<>"))
    op.execute(_UNIQUE.format("uq_symbols_combo", f"{_IDENTITY}, underlying", "="))
    for index in INDEXES:
        op.execute(f"CREATE INDEX {index}")
    op.execute("""
        CREATE TABLE listing_sources (
            listing_id UUID NOT NULL,
            request TEXT NOT NULL,
            taken_at TIMESTAMPTZ NOT NULL,
            sha256 TEXT NOT NULL,
            reader TEXT NOT NULL,
            raw TEXT,
            answers JSONB,
            CONSTRAINT pk_listing_sources PRIMARY KEY (listing_id)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE listing_sources")
    for index in INDEXES:
        op.execute(f"DROP INDEX {index.split()[0]}")
    op.execute("DROP INDEX uq_symbols_combo")
    op.execute("DROP INDEX uq_symbols_identity")
    op.execute(
        "ALTER TABLE symbols ADD CONSTRAINT uq_symbols_identity"
        f" UNIQUE NULLS NOT DISTINCT ({_IDENTITY})"
    )
    for table, checks in CHECKS.items():
        for name in checks:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
    op.execute("ALTER TABLE symbols ALTER COLUMN settlement_asset_id SET NOT NULL")
    for table, columns in COLUMNS.items():
        dropped = ", ".join(f"DROP COLUMN {name}" for name in columns)
        op.execute(f"ALTER TABLE {table} {dropped}")
