"""Which coin it is: former names, merges, successions, evidence of bindings; findings and prices.

Every new column may be NULL: writers of the release before write rows without it, and compare rows
that lack it.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

#: Table -> the new columns with their types.
COLUMNS = {
    "assets": {
        "former_names": "JSONB",
        "unambiguous_ticker": "BOOLEAN NOT NULL DEFAULT false",
        "merged_into": "UUID CONSTRAINT fk_assets_merged_into REFERENCES assets (asset_id)",
    },
    "symbols": {
        "merged_into": "UUID CONSTRAINT fk_symbols_merged_into REFERENCES symbols (symbol_id)"
    },
    "deployments": {"doubts": "TEXT[]"},
    "relationships": {"effective_at": "TIMESTAMPTZ", "succession": "SMALLINT"},
    "venue_assets": {"evidence": "JSONB"},
    "chains": {"caip2": "TEXT"},
}
#: Table -> (column of the source, of the owner): an external id names one owner, but a class (CFI,
#: 10) and a market (MIC, 11) are shared by many.
IDENTIFIERS = {
    "asset_identifiers": ("source", "asset_id"),
    "symbol_identifiers": ("data_source", "symbol_id"),
}
STATEMENTS = (
    "CREATE INDEX idx_assets_merged_into ON assets (merged_into)",
    "CREATE INDEX idx_assets_former ON assets (asset_id) WHERE former_names IS NOT NULL",
    "CREATE INDEX idx_symbols_merged_into ON symbols (merged_into)",
    """
    CREATE TABLE asset_prices (
        venue_id TEXT NOT NULL,
        asset_id UUID NOT NULL,
        taken_at TIMESTAMPTZ NOT NULL,
        quotes JSONB NOT NULL,
        request TEXT,
        sha256 TEXT,
        CONSTRAINT pk_asset_prices PRIMARY KEY (venue_id, asset_id)
    )
    """,
    "CREATE INDEX idx_asset_prices_taken_at ON asset_prices (taken_at)",
    "CREATE INDEX idx_asset_prices_asset ON asset_prices (asset_id)",
    """
    CREATE TABLE findings (
        finding_id UUID NOT NULL,
        kind TEXT NOT NULL,
        venue_id TEXT,
        venue_symbol TEXT,
        listing_id TEXT,
        code TEXT,
        chain_id TEXT,
        address TEXT,
        asset_id TEXT,
        differences JSONB,
        evidence JSONB,
        proposed_asset_id TEXT,
        units NUMERIC,
        rate NUMERIC,
        from_venue_id TEXT,
        from_venue_symbol TEXT,
        effective_at TIMESTAMPTZ,
        records JSONB,
        summary TEXT,
        state SMALLINT NOT NULL,
        action SMALLINT NOT NULL,
        policy TEXT,
        opened_at TIMESTAMPTZ NOT NULL,
        opened_by TEXT,
        decided_at TIMESTAMPTZ,
        decisions JSONB,
        CONSTRAINT pk_findings PRIMARY KEY (finding_id)
    )
    """,
    "CREATE INDEX idx_findings_opened ON findings (state, opened_at, finding_id)",
    """
    CREATE INDEX idx_findings_group
        ON findings (state, kind, action, coalesce(venue_id, ''), opened_at, finding_id)
        INCLUDE (venue_id)
    """,
    """
    CREATE TABLE finding_counts (
        state SMALLINT NOT NULL,
        kind TEXT NOT NULL,
        action SMALLINT NOT NULL,
        venue_id TEXT NOT NULL,
        number BIGINT NOT NULL,
        CONSTRAINT pk_finding_counts PRIMARY KEY (state, kind, action, venue_id)
    )
    """,
    "CREATE INDEX idx_findings_spelling ON findings (venue_id, venue_symbol)",
    "CREATE INDEX idx_findings_code ON findings (code)",
    "CREATE INDEX idx_findings_listing_id ON findings (listing_id)",
    "CREATE INDEX idx_findings_asset_id ON findings (asset_id)",
    "CREATE INDEX idx_findings_proposed_asset_id ON findings (proposed_asset_id)",
    "CREATE INDEX idx_findings_evidence ON findings USING gin (evidence jsonb_path_ops)",
    "CREATE INDEX idx_chains_network ON chains (network_id)",
    "CREATE UNIQUE INDEX uq_chains_caip2 ON chains (caip2)",
)


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {name} {type_}" for name, type_ in columns.items())
        op.execute(f"ALTER TABLE {table} {added}")
    for statement in STATEMENTS:
        op.execute(statement)
    for table, (source, owner) in IDENTIFIERS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT uq_{table}_{source}_external_id")
        op.execute(
            f"CREATE UNIQUE INDEX uq_{table}_external_id ON {table} ({source}, external_id,"
            f" (CASE WHEN {source} IN (10, 11) THEN {owner} END)) NULLS NOT DISTINCT"
        )


def downgrade() -> None:
    for table, (source, _) in IDENTIFIERS.items():
        op.execute(f"DROP INDEX uq_{table}_external_id")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT uq_{table}_{source}_external_id"
            f" UNIQUE ({source}, external_id)"
        )
    op.execute("DROP TABLE finding_counts")
    op.execute("DROP TABLE findings")
    op.execute("DROP TABLE asset_prices")
    for table, columns in COLUMNS.items():
        dropped = ", ".join(f"DROP COLUMN {name}" for name in columns)
        op.execute(f"ALTER TABLE {table} {dropped}")
