"""Deployments, relationships, flags, groups, identifiers and venue mappings."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE deployments (
        deployment_id UUID NOT NULL,
        asset_id UUID NOT NULL,
        chain_id TEXT NOT NULL,
        address TEXT,
        decimals SMALLINT NOT NULL,
        is_canonical BOOLEAN NOT NULL,
        is_native BOOLEAN NOT NULL,
        address_unchecked BOOLEAN NOT NULL,
        deployed_at TIMESTAMPTZ,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_deployments PRIMARY KEY (deployment_id),
        CONSTRAINT fk_deployments_asset_id FOREIGN KEY(asset_id) REFERENCES assets (asset_id),
        CONSTRAINT fk_deployments_chain_id FOREIGN KEY(chain_id) REFERENCES chains (chain_id),
        CONSTRAINT uq_deployments_chain_id_address UNIQUE (chain_id, address),
        CONSTRAINT ck_deployments_decimals CHECK (decimals BETWEEN 0 AND 36)
    )
    """,
    """
    CREATE UNIQUE INDEX uq_deployments_canonical ON deployments (asset_id, chain_id)
        WHERE is_canonical
    """,
    "CREATE INDEX idx_deployments_address ON deployments (address)",
    """
    CREATE TABLE relationships (
        relationship_id UUID NOT NULL,
        from_asset_id UUID NOT NULL,
        to_asset_id UUID NOT NULL,
        relationship_type SMALLINT NOT NULL,
        conversion_rate NUMERIC,
        protocol TEXT,
        description TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_relationships PRIMARY KEY (relationship_id),
        CONSTRAINT uq_relationships_from_asset_id_to_asset_id_relationship_type
            UNIQUE (from_asset_id, to_asset_id, relationship_type),
        CONSTRAINT ck_relationships_not_to_itself CHECK (from_asset_id <> to_asset_id),
        CONSTRAINT ck_relationships_conversion_rate_positive CHECK (conversion_rate > 0),
        CONSTRAINT fk_relationships_from_asset_id FOREIGN KEY(from_asset_id)
            REFERENCES assets (asset_id),
        CONSTRAINT fk_relationships_to_asset_id FOREIGN KEY(to_asset_id)
            REFERENCES assets (asset_id)
    )
    """,
    "CREATE INDEX idx_relationships_to_asset ON relationships (to_asset_id)",
    "CREATE INDEX idx_relationships_type ON relationships (relationship_type)",
    """
    CREATE TABLE quality_flags (
        flag_id UUID NOT NULL,
        asset_id UUID NOT NULL,
        flag_type SMALLINT NOT NULL,
        severity SMALLINT NOT NULL,
        source TEXT NOT NULL,
        reason TEXT NOT NULL,
        evidence_url TEXT,
        raised_at TIMESTAMPTZ NOT NULL,
        resolved_at TIMESTAMPTZ,
        resolved_by TEXT,
        resolution_notes TEXT,
        metadata JSONB,
        CONSTRAINT pk_quality_flags PRIMARY KEY (flag_id),
        CONSTRAINT fk_quality_flags_asset_id FOREIGN KEY(asset_id) REFERENCES assets (asset_id),
        CONSTRAINT ck_quality_flags_resolved_by_whom CHECK
            ((resolved_at IS NULL) = (resolved_by IS NULL))
    )
    """,
    "CREATE INDEX idx_quality_flags_asset ON quality_flags (asset_id, severity)",
    """
    CREATE TABLE asset_groups (
        group_id UUID NOT NULL,
        name TEXT NOT NULL,
        description TEXT,
        group_type TEXT,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_asset_groups PRIMARY KEY (group_id),
        CONSTRAINT uq_asset_groups_name UNIQUE (name)
    )
    """,
    """
    CREATE TABLE group_members (
        member_id UUID NOT NULL,
        group_id UUID NOT NULL,
        asset_id UUID NOT NULL,
        weight NUMERIC,
        added_at TIMESTAMPTZ NOT NULL,
        CONSTRAINT pk_group_members PRIMARY KEY (member_id),
        CONSTRAINT fk_group_members_group_id FOREIGN KEY(group_id)
            REFERENCES asset_groups (group_id) ON DELETE CASCADE,
        CONSTRAINT fk_group_members_asset_id FOREIGN KEY(asset_id) REFERENCES assets (asset_id),
        CONSTRAINT uq_group_members_group_id_asset_id UNIQUE (group_id, asset_id),
        CONSTRAINT ck_group_members_weight_positive CHECK (weight > 0)
    )
    """,
    "CREATE INDEX idx_group_members_asset ON group_members (asset_id)",
    """
    CREATE TABLE asset_identifiers (
        identifier_id UUID NOT NULL,
        asset_id UUID NOT NULL,
        source SMALLINT NOT NULL,
        external_id TEXT NOT NULL,
        is_primary BOOLEAN NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_asset_identifiers PRIMARY KEY (identifier_id),
        CONSTRAINT fk_asset_identifiers_asset_id FOREIGN KEY(asset_id)
            REFERENCES assets (asset_id),
        CONSTRAINT uq_asset_identifiers_source_external_id UNIQUE (source, external_id)
    )
    """,
    "CREATE INDEX idx_asset_identifiers_asset ON asset_identifiers (asset_id)",
    """
    CREATE UNIQUE INDEX uq_asset_identifiers_primary ON asset_identifiers (asset_id, source)
        WHERE is_primary
    """,
    """
    CREATE TABLE symbol_identifiers (
        identifier_id UUID NOT NULL,
        symbol_id UUID NOT NULL,
        data_source SMALLINT NOT NULL,
        external_id TEXT NOT NULL,
        is_primary BOOLEAN NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_symbol_identifiers PRIMARY KEY (identifier_id),
        CONSTRAINT fk_symbol_identifiers_symbol_id FOREIGN KEY(symbol_id)
            REFERENCES symbols (symbol_id),
        CONSTRAINT uq_symbol_identifiers_data_source_external_id
            UNIQUE (data_source, external_id)
    )
    """,
    "CREATE INDEX idx_symbol_identifiers_symbol ON symbol_identifiers (symbol_id)",
    """
    CREATE
        UNIQUE INDEX uq_symbol_identifiers_primary ON symbol_identifiers (symbol_id, data_source)
        WHERE is_primary
    """,
    """
    CREATE TABLE venue_assets (
        venue_id TEXT NOT NULL,
        asset_id UUID NOT NULL,
        venue_asset_symbol TEXT NOT NULL,
        deployment_id UUID,
        deposit_enabled BOOLEAN,
        withdraw_enabled BOOLEAN,
        trading_enabled BOOLEAN,
        min_deposit NUMERIC,
        min_withdrawal NUMERIC,
        withdrawal_fee NUMERIC,
        deposit_fee NUMERIC,
        listed_at TIMESTAMPTZ,
        delisted_at TIMESTAMPTZ,
        metadata JSONB,
        other_codes TEXT[] NOT NULL,
        CONSTRAINT pk_venue_assets PRIMARY KEY (venue_id, asset_id),
        CONSTRAINT ck_venue_assets_period CHECK (listed_at < delisted_at),
        CONSTRAINT fk_venue_assets_venue_id FOREIGN KEY(venue_id) REFERENCES venues (venue_id),
        CONSTRAINT fk_venue_assets_asset_id FOREIGN KEY(asset_id) REFERENCES assets (asset_id),
        CONSTRAINT fk_venue_assets_deployment_id FOREIGN KEY(deployment_id)
            REFERENCES deployments (deployment_id)
    )
    """,
    "CREATE INDEX idx_venue_assets_asset ON venue_assets (asset_id)",
    """
    CREATE TABLE venue_asset_codes (
        venue_id TEXT NOT NULL,
        asset_id UUID NOT NULL,
        code TEXT NOT NULL,
        CONSTRAINT pk_venue_asset_codes PRIMARY KEY (venue_id, asset_id, code),
        CONSTRAINT fk_venue_asset_codes_venue_asset FOREIGN KEY(venue_id, asset_id)
            REFERENCES venue_assets (venue_id, asset_id) ON DELETE CASCADE
    )
    """,
    "CREATE UNIQUE INDEX uq_venue_asset_codes_code ON venue_asset_codes (venue_id, code)",
    """
    CREATE TABLE venue_symbols (
        listing_id UUID NOT NULL,
        venue_id TEXT NOT NULL,
        symbol_id UUID NOT NULL,
        venue_symbol TEXT NOT NULL,
        status SMALLINT NOT NULL,
        is_primary BOOLEAN NOT NULL,
        alias_of TEXT,
        maker_fee NUMERIC,
        taker_fee NUMERIC,
        min_order_value NUMERIC,
        max_order_value NUMERIC,
        min_notional NUMERIC,
        max_leverage NUMERIC,
        tick_size NUMERIC,
        lot_size NUMERIC,
        min_order_size NUMERIC,
        max_order_size NUMERIC,
        contract_size NUMERIC,
        unit_multiplier NUMERIC,
        tick_bands JSONB NOT NULL,
        price_significant_digits SMALLINT,
        listed_at TIMESTAMPTZ,
        delisted_at TIMESTAMPTZ,
        first_seen_at TIMESTAMPTZ NOT NULL,
        metadata JSONB,
        CONSTRAINT pk_venue_symbols PRIMARY KEY (listing_id),
        CONSTRAINT ck_venue_symbols_period CHECK (listed_at < delisted_at),
        CONSTRAINT ck_venue_symbols_delisted_has_end
            CHECK (status <> 7 OR delisted_at IS NOT NULL),
        CONSTRAINT ck_venue_symbols_tick_size_positive CHECK (tick_size > 0),
        CONSTRAINT ck_venue_symbols_lot_size_positive CHECK (lot_size > 0),
        CONSTRAINT ck_venue_symbols_min_below_max CHECK (min_order_size <= max_order_size),
        CONSTRAINT ck_venue_symbols_rates CHECK (abs(maker_fee) <= 1 AND abs(taker_fee) <= 1),
        CONSTRAINT ex_venue_symbols_spelling
            EXCLUDE USING gist (
                venue_id WITH =, venue_symbol WITH =, tstzrange(listed_at, delisted_at) WITH &&
            ) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT ex_venue_symbols_primary
            EXCLUDE USING gist (
                venue_id WITH =, symbol_id WITH =, tstzrange(listed_at, delisted_at) WITH &&
            ) WHERE (is_primary) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT fk_venue_symbols_venue_id FOREIGN KEY(venue_id) REFERENCES venues (venue_id),
        CONSTRAINT fk_venue_symbols_symbol_id FOREIGN KEY(symbol_id)
            REFERENCES symbols (symbol_id)
    )
    """,
    "CREATE INDEX idx_venue_symbols_symbol ON venue_symbols (symbol_id, venue_id)",
    "CREATE INDEX idx_venue_symbols_venue_symbol ON venue_symbols (venue_id, venue_symbol)",
)

DOWNGRADE = (
    "DROP TABLE venue_symbols",
    "DROP TABLE venue_asset_codes",
    "DROP TABLE venue_assets",
    "DROP TABLE symbol_identifiers",
    "DROP TABLE asset_identifiers",
    "DROP TABLE group_members",
    "DROP TABLE asset_groups",
    "DROP TABLE quality_flags",
    "DROP TABLE relationships",
    "DROP TABLE deployments",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
