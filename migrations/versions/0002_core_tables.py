"""Assets, chains, symbols and venues."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    """
    CREATE TABLE assets (
        asset_id UUID NOT NULL,
        symbol TEXT NOT NULL,
        name TEXT NOT NULL,
        asset_type SMALLINT,
        category TEXT,
        description TEXT,
        logo_url TEXT,
        website_url TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        unverified BOOLEAN NOT NULL,
        CONSTRAINT pk_assets PRIMARY KEY (asset_id),
        CONSTRAINT ck_assets_has_type CHECK (asset_type IS NOT NULL OR unverified)
    )
    """,
    "CREATE INDEX idx_assets_category ON assets (category)",
    "CREATE INDEX idx_assets_symbol ON assets (symbol)",
    "CREATE INDEX idx_assets_type ON assets (asset_type)",
    """
    CREATE TABLE chains (
        chain_id TEXT NOT NULL,
        chain_name TEXT NOT NULL,
        chain_type TEXT NOT NULL,
        network_id BIGINT,
        native_asset_id UUID,
        explorer_url TEXT,
        rpc_urls TEXT[] NOT NULL,
        is_testnet BOOLEAN NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_chains PRIMARY KEY (chain_id),
        CONSTRAINT ck_chains_network_id_not_negative CHECK (network_id >= 0),
        CONSTRAINT fk_chains_native_asset_id FOREIGN KEY(native_asset_id)
            REFERENCES assets (asset_id)
    )
    """,
    "CREATE INDEX idx_chains_native_asset ON chains (native_asset_id)",
    "CREATE INDEX idx_chains_type ON chains (chain_type)",
    """
    CREATE TABLE symbols (
        symbol_id UUID NOT NULL,
        symbol TEXT NOT NULL,
        symbol_type SMALLINT NOT NULL,
        base_asset_id UUID NOT NULL,
        quote_asset_id UUID NOT NULL,
        settlement_asset_id UUID NOT NULL,
        tick_size NUMERIC,
        lot_size NUMERIC,
        min_order_size NUMERIC,
        max_order_size NUMERIC,
        min_notional NUMERIC,
        contract_size NUMERIC,
        expiry TIMESTAMPTZ,
        strike_price NUMERIC,
        option_type SMALLINT,
        is_active BOOLEAN NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        delisted_at TIMESTAMPTZ,
        metadata JSONB,
        price_asset_id UUID,
        contract_kind SMALLINT,
        CONSTRAINT pk_symbols PRIMARY KEY (symbol_id),
        CONSTRAINT uq_symbols_identity
            UNIQUE NULLS NOT DISTINCT (
                symbol_type, base_asset_id, quote_asset_id, settlement_asset_id,
                expiry, strike_price, option_type
            ),
        CONSTRAINT ck_symbols_base_is_not_quote CHECK (base_asset_id <> quote_asset_id),
        CONSTRAINT ck_symbols_tick_size_positive CHECK (tick_size > 0),
        CONSTRAINT ck_symbols_lot_size_positive CHECK (lot_size > 0),
        CONSTRAINT ck_symbols_contract_size_positive CHECK (contract_size > 0),
        CONSTRAINT ck_symbols_min_below_max CHECK (min_order_size <= max_order_size),
        CONSTRAINT ck_symbols_option_is_whole
            CHECK (
                symbol_type <> 4 OR
                (strike_price > 0 AND expiry IS NOT NULL AND option_type IS NOT NULL)
            ),
        CONSTRAINT ck_symbols_future_expires CHECK (symbol_type <> 3 OR expiry IS NOT NULL),
        CONSTRAINT fk_symbols_base_asset_id FOREIGN KEY(base_asset_id)
            REFERENCES assets (asset_id),
        CONSTRAINT fk_symbols_quote_asset_id FOREIGN KEY(quote_asset_id)
            REFERENCES assets (asset_id),
        CONSTRAINT fk_symbols_settlement_asset_id FOREIGN KEY(settlement_asset_id)
            REFERENCES assets (asset_id),
        CONSTRAINT fk_symbols_price_asset_id FOREIGN KEY(price_asset_id)
            REFERENCES assets (asset_id)
    )
    """,
    "CREATE INDEX idx_symbols_base_asset ON symbols (base_asset_id)",
    "CREATE INDEX idx_symbols_quote_asset ON symbols (quote_asset_id)",
    "CREATE INDEX idx_symbols_settlement_asset ON symbols (settlement_asset_id)",
    "CREATE INDEX idx_symbols_symbol ON symbols (symbol)",
    """
    CREATE TABLE venues (
        venue_id TEXT NOT NULL,
        name TEXT NOT NULL,
        venue_type SMALLINT NOT NULL,
        chain_id TEXT,
        protocol_address TEXT,
        website_url TEXT,
        api_endpoint TEXT,
        is_active BOOLEAN NOT NULL,
        operator TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_venues PRIMARY KEY (venue_id),
        CONSTRAINT ck_venues_dex_has_chain CHECK (venue_type <> 2 OR chain_id IS NOT NULL),
        CONSTRAINT fk_venues_chain_id FOREIGN KEY(chain_id) REFERENCES chains (chain_id)
    )
    """,
    "CREATE INDEX idx_venues_chain ON venues (chain_id)",
    "CREATE INDEX idx_venues_operator ON venues (operator)",
    "CREATE INDEX idx_venues_type ON venues (venue_type)",
    "CREATE INDEX idx_assets_symbol_trgm ON assets USING gin (symbol gin_trgm_ops)",
    "CREATE INDEX idx_assets_name_trgm ON assets USING gin (name gin_trgm_ops)",
    "CREATE INDEX idx_symbols_symbol_trgm ON symbols USING gin (symbol gin_trgm_ops)",
)

DOWNGRADE = (
    "DROP TABLE venues",
    "DROP TABLE symbols",
    "DROP TABLE chains",
    "DROP TABLE assets",
    "DROP EXTENSION pg_trgm",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
